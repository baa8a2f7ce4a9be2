#include "api/schemas.h"

namespace flashdb {

namespace {

constexpr std::string_view kPage = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>FlashDB HTTP API</title>
<style>
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --blue: #2463c9; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin: 2.2rem 0 .6rem; text-transform: capitalize; border-bottom: 1px solid var(--line); }
details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0; }
summary { cursor: pointer; padding: .45rem .7rem; }
details > div { padding: .2rem .9rem .8rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { background: var(--soft); padding: .6rem; border-radius: 6px; overflow: auto; }
.method { display: inline-block; min-width: 4.2rem; font-weight: 700; color: var(--blue); }
.about { opacity: .8; margin-left: .6rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0;
         border-top: 1px solid var(--line); }
</style>
</head>
<body>
<h1>FlashDB HTTP API</h1>
<p id="intro">Loading <a href="openapi.json">openapi.json</a> &hellip;</p>
<main></main>
<script>
"use strict";
const make = (tag, text, ...children) => {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  node.append(...children);
  return node;
};
const row = (cell, ...texts) => make("tr", "", ...texts.map(text => make(cell, text)));
const typeOf = schema => {
  if (!schema) return "bytes";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const range = schema.minimum === undefined ? "" :
      ` ${schema.minimum}${schema.maximum === undefined ? " or more" : " to " + schema.maximum}`;
  const fallback = schema.default === undefined ? "" : `, default ${schema.default}`;
  return [].concat(schema.type || "any").join(" or ") + range + fallback;
};
const contents = content => Object.entries(content || {})
    .map(([type, body]) => `${type}: ${typeOf(body.schema)}`).join("; ");

function operation(path, method, op) {
  const body = make("div", "", make("p", op.summary));
  if (op.parameters.length) {
    body.append(make("table", "", row("th", "Parameter", "In", "Type", "Meaning"),
        ...op.parameters.map(p => row("td", p.name, p.in, typeOf(p.schema), p.description || ""))));
  }
  if (op.requestBody) body.append(make("p", "Body: " + contents(op.requestBody.content)));
  body.append(make("table", "", row("th", "Status", "Meaning", "Body"),
      ...Object.entries(op.responses).map(([status, response]) =>
          row("td", status, response.description, contents(response.content)))));
  const title = make("summary", "", make("span", method.toUpperCase()), make("code", path),
                     make("span", op.summary.split(". ")[0]));
  title.firstChild.className = "method";
  title.lastChild.className = "about";
  return make("details", "", title, body);
}

function show(api) {
  document.getElementById("intro").textContent =
      `Version ${api.info.version}. ${api.info.description}`;
  const main = document.querySelector("main");
  const sections = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, op] of Object.entries(methods)) {
      const tag = op.tags[0];
      if (!sections.has(tag)) sections.set(tag, make("section", "", make("h2", tag)));
      sections.get(tag).append(operation(path, method, op));
    }
  }
  main.append(...sections.values(), make("h2", "schemas"));
  for (const [name, schema] of Object.entries(api.components.schemas)) {
    main.append(make("details", "", make("summary", "", make("code", name)),
        make("div", "", make("pre", JSON.stringify(schema, null, 2)))));
  }
}

fetch("openapi.json").then(response => response.json()).then(show).catch(error => {
  document.getElementById("intro").textContent = "openapi.json could not be loaded: " + error;
});
</script>
</body>
</html>
)html";

}  // namespace

std::string_view DocsPage() { return kPage; }

}  // namespace flashdb
