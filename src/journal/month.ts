/** Calendar months in UTC, by which a journal is divided. */

/**
 * The month of an instant, such as `"2026-10"`; what orders as text for the years 0 to 9999.
 *
 * @param at - milliseconds since 1970; outside of what a date can be the month is empty
 */
export function monthOf(at: number): string {
  const date = new Date(at);
  const year = date.getUTCFullYear();
  return Number.isNaN(year) ? "" : `${String(year).padStart(4, "0")}-${two(date.getUTCMonth() + 1)}`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
