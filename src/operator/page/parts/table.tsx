/** Real tables: a caption, headers, and cards on a phone. */
import { Component, type ComponentChildren } from "preact";

export type Column<Row> = {
  readonly key: string;
  readonly head: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Numbers and money stand at the end. */
  readonly align?: "end";
  /** The row's name: a row header, and the first line of its card. One column has it. */
  readonly isTitle?: boolean;
  /** Only where there is room: not in a card. */
  readonly isWide?: boolean;
};

/** Written out, as browsers have forgotten that a table is one when it is laid out as cards. */
const ROLE = {
  table: { role: "table" },
  rowgroup: { role: "rowgroup" },
  row: { role: "row" },
  columnheader: { role: "columnheader" },
  rowheader: { role: "rowheader" },
  cell: { role: "cell" },
} as const;

type Props<Row> = {
  readonly caption: string;
  /** Where a heading above says the same. */
  readonly isCaptionHidden?: boolean;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string | number;
  /** Makes the whole row lead to a page; the title's cell holds the link. */
  readonly hrefOf?: ((row: Row) => string | null) | undefined;
  /** Instead of a table without rows. */
  readonly empty?: ComponentChildren;
  /** Cells of the foot, by the key of their column. */
  readonly foot?: Readonly<Record<string, ComponentChildren>> | undefined;
  /** While a changed question is being asked. */
  readonly isDimmed?: boolean;
};

/** Rows of one list. */
export function Table<Row>(props: Props<Row>) {
  const { caption, isCaptionHidden, columns, rows, keyOf, hrefOf, empty, foot, isDimmed } = props;
  if (rows.length === 0 && empty !== undefined) return <>{empty}</>;
  return (
    <div class={isDimmed ? "table-frame dimmed" : "table-frame"}>
      <table {...ROLE.table} class="table" aria-busy={isDimmed}>
        <caption class={isCaptionHidden ? "hidden" : undefined}>{caption}</caption>
        <thead {...ROLE.rowgroup}>
          <tr {...ROLE.row}>
            {columns.map((column) => (
              <th key={column.key} scope="col" {...ROLE.columnheader} class={classOf(column)}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody {...ROLE.rowgroup}>
          {rows.map((row) => (
            <Row key={keyOf(row)} row={row} columns={columns} href={hrefOf?.(row) ?? null} />
          ))}
        </tbody>
        {foot && (
          <tfoot {...ROLE.rowgroup}>
            <tr {...ROLE.row}>
              {columns.map((column) => (
                <td key={column.key} {...ROLE.cell} data-head={column.head} class={classOf(column)}>
                  {foot[column.key]}
                </td>
              ))}
            </tr>
          </tfoot>
        )}
      </table>
    </div>
  );
}

type RowProps<Row> = {
  readonly row: Row;
  readonly columns: readonly Column<Row>[];
  readonly href: string | null;
};

/** Passed over while neither the row nor the columns are others: that keeps hundreds of rows quick. */
class Row<Of> extends Component<RowProps<Of>> {
  override shouldComponentUpdate({ row, columns, href }: RowProps<Of>): boolean {
    const { props } = this;
    return row !== props.row || columns !== props.columns || href !== props.href;
  }

  override render({ row, columns, href }: RowProps<Of>) {
    return (
      <tr {...ROLE.row} class={href === null ? undefined : "row-link"}>
        {columns.map((column) =>
          column.isTitle ? (
            <th key={column.key} scope="row" {...ROLE.rowheader} class={classOf(column)}>
              {href === null ? column.cell(row) : <a href={href}>{column.cell(row)}</a>}
            </th>
          ) : (
            <td key={column.key} {...ROLE.cell} data-head={column.head} class={classOf(column)}>
              {column.cell(row)}
            </td>
          ),
        )}
      </tr>
    );
  }
}

function classOf<Row>({ key, align, isTitle, isWide }: Column<Row>): string {
  const marks = [align === "end" && "end", isTitle && "title", isWide && "wide"].filter((one) => one);
  return [`column-${key}`, ...marks].join(" ");
}
