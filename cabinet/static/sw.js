/* The app without a net, and notifications of payments. */
"use strict";
const KEPT = ["KEPT"];
const NAME = "click-" + KEPT.map((address) => address.slice(-12)).join("").slice(0, 60);
const LIST = "click-list";

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll([...KEPT, "/app/offline"])).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name !== NAME && name !== LIST).map((name) => caches.delete(name))))
      .then(() => self.clients.claim())
  );
});

self.addEventListener("fetch", (event) => {
  const request = event.request;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== location.origin) return;
  if (address.pathname.startsWith("/cabinet/static/")) {
    event.respondWith(caches.match(request).then((kept) => kept || fetch(request)));
  } else if (request.mode === "navigate" && address.pathname.startsWith("/app/")) {
    event.respondWith(page(event, address));
  }
});

/* Always the net first; of pages only the last list is kept, and only until nobody is signed in any more. */
async function page(event, address) {
  const isList = (address.pathname === "/app/" || address.pathname === "/app/invoices") && !address.search;
  try {
    const answer = await fetch(event.request);
    if (isList && answer.ok) event.waitUntil(keep(answer.clone()));
    /* A page's redirect is opaque here: that the session is over shows when the sign-in is reached. */
    if (address.pathname.startsWith("/app/signin") && answer.ok) await caches.delete(LIST);
    if (answer.ok) event.waitUntil(translated(answer.headers.get("Content-Language")));
    return answer;
  } catch (_) {
    const kept = isList ? await caches.match("/app/invoices", { cacheName: LIST }) : undefined;
    return kept || (await caches.match("/app/offline")) || Response.error();
  }
}

/* A phone without room keeps none; the list that came is shown all the same. */
async function keep(list) {
  await (await caches.open(LIST)).put("/app/invoices", list).catch(() => {});
}

/* The page for when there is no net, in the language that pages have now. */
async function translated(language) {
  const kept = await caches.match("/app/offline", { cacheName: NAME });
  if (!kept || !language || kept.headers.get("Content-Language") === language) return;
  await (await caches.open(NAME)).add("/app/offline").catch(() => {});
}

self.addEventListener("push", (event) => {
  const told = event.data ? event.data.json() : {};
  event.waitUntil(
    self.registration.showNotification(told.title || "CLICK", {
      body: told.body || "",
      icon: KEPT.find((address) => address.includes("icon-192")),
      badge: KEPT.find((address) => address.includes("icon-192")),
      lang: told.lang,
      tag: told.event + ":" + told.id,
      data: { id: told.id },
    })
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const id = String((event.notification.data || {}).id || "");
  const address = /^[0-9]+$/.test(id) ? "/app/invoices/" + id : "/app/";
  event.waitUntil(
    self.clients.matchAll({ type: "window", includeUncontrolled: true }).then((open) => {
      const mine = open.find((client) => new URL(client.url).pathname.startsWith("/app/"));
      return mine ? mine.focus().then(() => mine.navigate(address)) : self.clients.openWindow(address);
    })
  );
});
