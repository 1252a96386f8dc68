/** Color scheme: light, dark, or that of the system. The choice is stored in the browser. */
import { h, setText } from './dom.js';

const KEY = 'tsproxy-console-theme';
const CHOICES = ['auto', 'light', 'dark'] as const;
type Choice = (typeof CHOICES)[number];

function stored(): Choice {
  try {
    const value = localStorage.getItem(KEY);
    return CHOICES.find((each) => each === value) ?? 'auto';
  } catch {
    // Storage may be disabled.
    return 'auto';
  }
}

let choice = stored();

function apply(): void {
  if (choice === 'auto') document.documentElement.removeAttribute('data-theme');
  else document.documentElement.setAttribute('data-theme', choice);
}

/** A button that changes the theme. */
export function themeButton(): HTMLButtonElement {
  const button = h('button', { type: 'button', class: 'quiet theme', title: 'Color scheme (t)' });
  const show = (): void => {
    apply();
    setText(button, choice === 'auto' ? '◐' : choice === 'light' ? '☀' : '☾');
    button.setAttribute('aria-label', `Color scheme: ${choice}`);
  };
  button.addEventListener('click', () => {
    choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length] ?? 'auto';
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // Without storage, the choice applies until the page is closed.
    }
    show();
  });
  show();
  return button;
}
