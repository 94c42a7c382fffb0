// What the address says: which receipts, which category, which window. Whoever gets the link sees the same.

const MEMBERS = ["store", "from", "category", "window"];

export function fromLink() {
  const asked = new URLSearchParams(location.search);
  return Object.fromEntries(MEMBERS.map((name) => [name, asked.get(name) ?? ""]));
}

export function keepInLink(members) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(members)) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  if (url.href !== location.href) history.replaceState(null, "", url);
}
