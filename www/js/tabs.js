// @ts-check
/** Tabs, each with a panel; arrow keys, Home and End move between them. */

export class Tabs {
  #list;
  /** @type {HTMLElement[]} */
  #tabs;

  /**
   * @param {HTMLElement} list               holds the tabs
   * @param {(name: string) => void} opened  called with the name of the tab that the user opens
   */
  constructor(list, opened) {
    this.#list = list;
    this.#tabs = [...list.querySelectorAll('[role="tab"]')].filter((tab) => tab instanceof HTMLElement);
    list.addEventListener('click', ({ target }) => {
      const tab = this.#tabs.find((one) => target instanceof Node && one.contains(target));
      if (tab) opened(nameOf(tab));
    });
    list.addEventListener('keydown', (event) => {
      const here = this.#tabs.findIndex((tab) => tab === event.target);
      const { length } = this.#tabs;
      const next = { ArrowRight: here + 1, ArrowLeft: here - 1 + length, Home: 0, End: length - 1 }[event.key];
      if (here < 0 || next === undefined) return;
      event.preventDefault();
      const tab = this.#tabs[next % length];
      tab.focus();
      opened(nameOf(tab));
    });
  }

  /**
   * Shows the panel of a tab and hides the others.
   * @param {string} name
   */
  show(name) {
    for (const tab of this.#tabs) {
      const chosen = nameOf(tab) === name;
      const panel = this.panelOf(nameOf(tab));
      // Keeps the focus out of hidden panels.
      if (!chosen && panel.contains(document.activeElement)) this.#tabs.find((one) => nameOf(one) === name)?.focus();
      tab.setAttribute('aria-selected', String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      panel.hidden = !chosen;
      if (chosen) this.#reveal(tab);
    }
  }

  /** @param {string} name */
  panelOf(name) {
    const panel = document.getElementById(`panel-${name}`);
    if (!panel) throw new Error(`The page has no panel for ${name}`);
    return panel;
  }

  /**
   * Scrolls a tab into view within the row, without scrolling the page.
   * @param {HTMLElement} tab
   */
  #reveal(tab) {
    const [start, end] = [tab.offsetLeft - this.#list.offsetLeft, tab.offsetLeft - this.#list.offsetLeft + tab.offsetWidth];
    const { scrollLeft, clientWidth } = this.#list;
    if (start < scrollLeft || end > scrollLeft + clientWidth) this.#list.scrollLeft = start - (clientWidth - tab.offsetWidth) / 2;
  }
}

/** @param {HTMLElement} tab */
const nameOf = (tab) => tab.id.replace('tab-', '');
