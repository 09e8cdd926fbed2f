/** The few pictures of the page, drawn by themselves: nothing is loaded. */

const frame = {
  viewBox: "0 0 16 16",
  width: 16,
  height: 16,
  fill: "none",
  stroke: "currentColor",
  "stroke-width": 1.5,
  "stroke-linecap": "round",
  "stroke-linejoin": "round",
} as const;

/** Two sheets, or a tick once it is done. */
export function CopyIcon({ isDone }: { readonly isDone: boolean }) {
  return (
    <svg aria-hidden="true" {...frame}>
      {isDone ? <path d="M3 8.5 6.5 12 13 4.5" /> : <path d="M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z" />}
    </svg>
  );
}

/** Three bars, or a cross while the menu is open. */
export function MenuIcon({ isOpen }: { readonly isOpen: boolean }) {
  return (
    <svg aria-hidden="true" {...frame}>
      {isOpen ? <path d="m3 3 10 10M13 3 3 13" /> : <path d="M2 4h12M2 8h12M2 12h12" />}
    </svg>
  );
}

/** Sun, moon, or half of each. */
export function ThemeIcon({ theme }: { readonly theme: "auto" | "light" | "dark" }) {
  return (
    <svg aria-hidden="true" {...frame}>
      {theme === "dark" && <path d="M13 9.6A5.5 5.5 0 0 1 6.4 3a5.5 5.5 0 1 0 6.6 6.6z" />}
      {theme === "light" && (
        <path d="M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1" />
      )}
      {theme === "auto" && (
        <>
          <path d="M8 2.5a5.5 5.5 0 1 0 0 11z" fill="currentColor" />
          <path d="M8 2.5a5.5 5.5 0 0 1 0 11" />
        </>
      )}
    </svg>
  );
}
