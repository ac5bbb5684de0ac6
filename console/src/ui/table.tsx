import type { ComponentChildren, JSX } from "preact";

export interface Column<T> {
  head: string;
  cell: (row: T) => ComponentChildren;
  /** Of numbers: at the right. */
  number?: boolean;
  /** Of words: on several lines where there is little room. */
  wraps?: boolean;
}

/** Rows under heads; the first column names the row, and what is too wide is scrolled to. */
export const Table = <T extends { id: string }>(p: { label: string; columns: readonly Column<T>[]; rows: readonly T[] }): JSX.Element => (
  <div class="table" role="region" aria-label={p.label} tabIndex={0}>
    <table>
      <thead>
        <tr>
          {p.columns.map((column) => (
            <th key={column.head} scope="col" class={column.number ? "number" : ""}>
              {column.head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {p.rows.map((row) => (
          <tr key={row.id}>
            {p.columns.map((column, index) =>
              index === 0 ? (
                <th key={column.head} scope="row">
                  {column.cell(row)}
                </th>
              ) : (
                <td key={column.head} class={column.number ? "number" : column.wraps ? "wraps" : ""}>
                  {column.cell(row)}
                </td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
