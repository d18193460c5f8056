"""What every page must be to everyone: to eyes and ears, on a desk and on a phone."""

from axe_playwright_python.sync_playwright import Axe

PHONE = 360

FAULTS = """() => {
  const faults = [];
  const words = element => element.textContent.replace(/\\s+/g, " ").trim();
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth)
    faults.push(`scrolls sideways: ${root.scrollWidth} of ${root.clientWidth}`);
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  for (const input of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!input.labels.length) faults.push(`no label: ${input.outerHTML}`);
  const progress = document.querySelector(".flow-progress");
  if (progress) {
    const current = progress.querySelectorAll("[aria-current=step]");
    if (current.length !== 1) faults.push(`${current.length} steps are current`);
  }
  const form = document.querySelector("main form");
  if (form && location.pathname.startsWith("/buy/") && !progress) faults.push("no progress");
  const invalid = document.querySelectorAll("main .errorlist");
  const summary = document.querySelector(".flow-errors");
  if (invalid.length && !summary && progress) faults.push("errors without a summary");
  if (summary) {
    if (document.activeElement !== summary) faults.push("the summary has not got the focus");
    if (!document.title.startsWith("Error: ")) faults.push(`the title does not say it: ${document.title}`);
    for (const link of summary.querySelectorAll("a")) {
      const field = document.getElementById(link.hash.slice(1));
      if (!field) faults.push(`a link to nowhere: ${link.hash}`);
      else if (field.getAttribute("aria-invalid") !== "true") faults.push(`not invalid: ${words(link)}`);
    }
  }
  return faults;
}"""


def make_look():
    """Return a function that raises AssertionError for the faults of a page, wide or narrow.

    To axe-core, which finds more and takes longer, it shows each page once in its life.
    """
    known = set()

    def look(page):
        size = page.viewport_size
        for width in {size["width"], PHONE}:
            page.set_viewport_size({**size, "width": width})
            faults = page.evaluate(FAULTS)
            assert not faults, f"{page.url}, {width} wide: {faults}"
        page.set_viewport_size(size)
        if page.title() not in known:
            known.add(page.title())
            found = Axe().run(page)
            assert not found.violations_count, f"{page.url}\n{found.generate_report()}"

    return look
