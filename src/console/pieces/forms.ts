/** Forms of actions: closed until a person opens them, and complete without a script. */
import type { Person } from '../access/person.ts';
import { hidden } from '../layout.ts';
import { markup, type Markup, type Piece } from '../markup.ts';

export interface ActionForm {
  readonly person: Person;
  readonly action: string;
  readonly title: string;
  readonly button: string;
  readonly about?: Piece;
  readonly fields?: readonly Markup[];
  readonly reason: 'needed' | 'optional';
  readonly danger?: boolean;
}

export const actionForm = ({ person, action, title, button, about, fields = [], reason, danger = false }: ActionForm): Markup =>
  markup`<details class="card"><summary>${title}</summary>
<form class="act" method="post" action="${action}">${hidden(person)}
${about === undefined ? null : markup`<p class="hint">${about}</p>`}
${fields}
<label>Reason${reason === 'optional' ? ' (optional)' : null} <input name="reason" maxlength="2000" autocomplete="off"${reason === 'needed' ? markup` required` : null}></label>
<button type="submit"${danger ? markup` class="danger"` : null}>${button}</button></form></details>`;

export const textField = (label: string, name: string, more: { readonly hint?: string; readonly needed?: boolean } = {}): Markup =>
  markup`<label>${label} <input name="${name}" autocomplete="off"${more.needed === false ? null : markup` required`}></label>${more.hint === undefined ? null : markup`<p class="hint">${more.hint}</p>`}`;

export const choiceField = (label: string, name: string, choices: readonly string[]): Markup =>
  markup`<fieldset><legend>${label}</legend>${choices.map((choice) => markup`<label class="tick"><input type="radio" name="${name}" value="${choice}" required> ${choice}</label>`)}</fieldset>`;

export const actions = (title: string, forms: readonly (Markup | null)[]): Markup =>
  forms.every((form) => form === null)
    ? markup``
    : markup`<section class="act-section"><h2>${title}</h2><div class="actions">${forms}</div></section>`;
