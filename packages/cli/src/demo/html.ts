/**
 * HTML by template, where everything that is filled in is escaped unless it is HTML already.
 *
 * @module
 */

/** Markup that has been made by {@link html}. */
export interface Html {
  readonly markup: string;
}

/** What may be filled in: text, numbers, markup, lists of them; `false`, `null` and `undefined` give nothing. */
export type HtmlValue = string | number | Html | readonly HtmlValue[] | false | null | undefined;

/** A template whose values are escaped, so that no name or message can become markup. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return { markup: strings.map((part, index) => part + (index < values.length ? toMarkup(values[index]) : '')).join('') };
}

/** Text as it may stand between tags and in quoted attributes; control characters other than line breaks vanish. */
export function escapeHtml(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '').replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function toMarkup(value: HtmlValue): string {
  if (value === false || value === null || value === undefined) return '';
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return (value as readonly HtmlValue[]).map(toMarkup).join('');
  return (value as Html).markup;
}
