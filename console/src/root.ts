/** Where the instance is, as this page reached it: behind a proxy, below its prefix. */
export const root: URL = import.meta.env.DEV ? new URL("/", location.href) : new URL("../../../", import.meta.url);

/** The path below which the console's pages are, without a closing slash. */
export const base: string = `${root.pathname}console`;

/** The picture of the product. */
export const icon: string = `${base}/app/icon.svg`;

/** A link to a page of the console. */
export const to = (page: string): string => `${base}/${page}`;

/** The whole address of a path of the API, for others. */
export const away = (path: string): string => new URL(path.replace(/^\//, ""), root).href;

/** The secret that a publish address holds; '' when it needs none. */
export const secretIn = (address: { url: string; server: string; key: string }): string =>
  /[?&,]secret=([^&,\s]+)/.exec(`${address.url} ${address.server} ${address.key}`)?.[1]?.trim() ?? "";

/** The host of an address of any scheme; '' where it has none. */
export const hostOf = (address: string): string => /^[a-z]+:\/\/(\[[^\]]+\]|[^/:?#]+)/i.exec(address)?.[1] ?? "";

/** A stream's name as the API takes it: without an app it is one of `live`. */
export const streamOf = (typed: string): string => {
  const name = typed.trim().replace(/^\/+|\/+$/g, "");
  return name.includes("/") ? name : `live/${name}`;
};
