// What all pages share: language, parameters of the query, messages, URLs. Text goes into the page as text, never as HTML.
"use strict";

// Where this server has everything: behind a proxy that may be below a prefix, and pages lie at any depth of it.
const root = new URL("../../", document.currentScript.src);
const query = new URLSearchParams(location.search);

// What was chosen in the console of this server; a browser that keeps nothing has chosen nothing.
function chosen(name) {
  try {
    return localStorage.getItem(`sluice.${name}`);
  } catch {
    return null;
  }
}

const chinese = (query.get("lang") || chosen("language") || navigator.language || "").toLowerCase().startsWith("zh");
const tell = (en, zh) => (chinese ? zh : en);
const find = (id) => document.getElementById(id);

document.documentElement.lang = tell("en", "zh-CN");
if (chosen("theme")) document.documentElement.dataset.theme = chosen("theme");

function say(kind, en, zh) {
  const place = find("say");
  place.dataset.kind = kind;
  place.textContent = tell(en, zh);
}

function translate() {
  for (const node of document.querySelectorAll("[data-zh]")) {
    if (chinese) node.textContent = node.dataset.zh;
  }
  if (chinese && document.body.dataset.titleZh) document.title = document.body.dataset.titleZh;
}

// An http(s) URL, or null. Anything else (javascript:, data:, file:) is not for a player. A path is one of this server.
function webUrl(text) {
  try {
    const url = /^\/(?!\/)/.test(text) ? new URL(text.slice(1), root) : new URL(text, location.href);
    return url.protocol === "http:" || url.protocol === "https:" ? url : null;
  } catch {
    return null;
  }
}

const isPort = (text) => /^[0-9]{1,5}$/.test(text || "") && Number(text) > 0 && Number(text) < 65536;

// The address of this server, with its closing slash, changed by `schema` and a port where the query says so: at another
// port no proxy has it below a prefix.
function server(port) {
  const schema = query.get("schema");
  const url = new URL(root);
  if (schema === "http" || schema === "https") url.protocol = `${schema}:`;
  if (isPort(port) && port !== (location.port || (location.protocol === "https:" ? "443" : "80"))) {
    url.port = port;
    url.pathname = "/";
  }
  return url.href;
}

const parts = (path) => path.split("/").filter(Boolean).map(encodeURIComponent).join("/");

translate();
