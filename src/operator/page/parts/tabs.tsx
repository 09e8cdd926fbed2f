/** Views of one page, each with an address of its own: links, so that the browser's back button knows them. */
export type Tab = { readonly href: string; readonly text: string; readonly isHere: boolean };

/** A row of links of which one is here. */
export function Tabs({ label, tabs }: { readonly label: string; readonly tabs: readonly Tab[] }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.href} href={tab.href} aria-current={tab.isHere ? "page" : undefined}>
          {tab.text}
        </a>
      ))}
    </nav>
  );
}
