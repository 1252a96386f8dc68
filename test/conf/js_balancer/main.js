export default {
  choose: (r, peers) => peers.find(({ connections }) => connections === 0) ?? null,
  text: 'text',
};
