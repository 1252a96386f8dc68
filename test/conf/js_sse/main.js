export function event(r, event) {
  if (event.event === 'internal') event.drop();
}
