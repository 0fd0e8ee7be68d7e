// What a page of the report must be whatever the store holds: a list of what is wrong with the page that is shown.
() => {
  const wrong = [];
  const visible = (node) => node.checkVisibility?.({ visibilityProperty: true }) ?? true;
  const where = (node) => node.outerHTML.slice(0, 120);
  const article = [...document.querySelectorAll('article.page')].find((page) => !page.hidden);

  const text = document.body.cloneNode(true);
  for (const away of text.querySelectorAll('script, style, noscript')) away.remove();
  for (const bad of text.textContent.match(/.{0,30}\b(NaN|None(?! of)|nan|undefined|Infinity|\[object)\b.{0,20}/g) ?? []) {
    wrong.push(`says ${bad}`);
  }
  if (window.hacked) wrong.push('data ran as a script');
  if (document.querySelector('img[src="x"]')) wrong.push('data became an element');

  if (article.querySelector('.modebar-btn[data-title*="Share"], .modebar-btn[data-title*="Cloud"]')) {
    wrong.push('offers to send a figure away');
  }

  const width = document.documentElement.scrollWidth;
  if (width > innerWidth) {
    const inside = (node) => node.parentElement?.closest('.scroll, .js-plotly-plot, pre, [hidden]');
    const wide = [...article.querySelectorAll('*')].filter((node) =>
      node.getBoundingClientRect().right > innerWidth + 1 && !inside(node) && visible(node));
    wrong.push(`is ${width} px wide: ${wide.slice(0, 3).map(where).join(' | ')}`);
  }

  const ids = [...document.querySelectorAll('[id]')].filter((node) => !node.closest('svg')).map((node) => node.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) wrong.push(`id ${id} twice`);
  for (const link of document.querySelectorAll('a[href^="#"]')) {
    const [page, section] = decodeURIComponent(link.getAttribute('href').slice(1)).split(':');
    const there = document.getElementById(page) ?? document.querySelector(`article[data-page="${CSS.escape(page)}"]`);
    if (page && (!there || (section && !document.getElementById(section)))) wrong.push(`dead link ${where(link)}`);
  }
  for (const node of document.querySelectorAll('[aria-controls], [aria-labelledby], label[for]')) {
    for (const name of ['aria-controls', 'aria-labelledby', 'for']) {
      for (const id of (node.getAttribute(name) ?? '').split(' ').filter(Boolean)) {
        if (!document.getElementById(id)) wrong.push(`${name} names nothing: ${where(node)}`);
      }
    }
  }

  let last = 0;
  for (const heading of article.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    const level = Number(heading.tagName[1]);
    if (level > last + 1) wrong.push(`heading jumps from ${last}: ${where(heading)}`);
    if (!heading.textContent.trim()) wrong.push(`empty heading ${where(heading)}`);
    last = level;
  }
  if (article.querySelectorAll('h1').length !== 1) wrong.push('not one h1');

  const name = (node) => (node.getAttribute('aria-label') || node.getAttribute('title') || node.getAttribute('alt') ||
    [...(node.labels ?? [])].map((label) => label.textContent).join('') ||
    (node.matches('select, input, textarea') ? '' : node.textContent) ||
    document.getElementById(node.getAttribute('aria-labelledby'))?.textContent || '').trim();
  const named = 'button, select, input, textarea, a[href], summary, video, audio, img, [role="img"], ' +
    '[role="radiogroup"], [role="group"], [role="region"], [role="slider"]';
  for (const node of article.querySelectorAll(named)) {
    if (!name(node) && !node.closest('.js-plotly-plot') && !node.matches('[aria-hidden="true"], img[alt=""]')) {
      wrong.push(`no name: ${where(node)}`);
    }
  }
  for (const node of document.querySelectorAll('[tabindex]')) {
    if (node.tabIndex > 0) wrong.push(`its own tab order: ${where(node)}`);
  }
  for (const box of article.querySelectorAll('.scroll')) {
    if (visible(box) && box.scrollWidth > box.clientWidth + 1 && box.tabIndex < 0 && !box.querySelector('button, a')) {
      wrong.push(`cannot be scrolled by keyboard: ${where(box)}`);
    }
  }
  return wrong;
}
