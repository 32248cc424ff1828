/* The installed app: its service worker, notifications, and what is seen without a net. */
"use strict";
(function () {
  const body = document.body;
  const state = document.getElementById("push-state");
  const ask = document.getElementById("ask-push");
  const buttons = document.querySelectorAll("[data-push-on]");

  function net() {
    const told = document.getElementById("offline");
    if (told) told.hidden = navigator.onLine;
  }
  window.addEventListener("online", net);
  window.addEventListener("offline", net);
  net();

  if (!("serviceWorker" in navigator)) { if (state) state.textContent = state.dataset.no; return; }
  navigator.serviceWorker.register("/app/sw.js", { scope: "/app/" });

  function octets(text) {
    const padded = (text + "=".repeat((4 - text.length % 4) % 4)).replace(/-/g, "+").replace(/_/g, "/");
    return Uint8Array.from(atob(padded), (c) => c.charCodeAt(0));
  }

  async function present() {
    if (!("PushManager" in window) || !("Notification" in window)) return "no";
    if (Notification.permission === "denied") return "denied";
    const worker = await navigator.serviceWorker.ready;
    return (await worker.pushManager.getSubscription()) ? "on" : "off";
  }

  async function show() {
    const now = await present();
    if (state) state.textContent = state.dataset[now];
    buttons.forEach((button) => { button.hidden = now !== "off"; });
    if (ask) ask.hidden = now !== "off";
  }

  async function subscribe() {
    if (await Notification.requestPermission() !== "granted") { show(); return; }
    const worker = await navigator.serviceWorker.ready;
    const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: octets(body.dataset.pushKey) });
    const answer = await fetch("/app/push", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": body.dataset.csrf },
      body: JSON.stringify(made.toJSON ? made.toJSON() : made),
    });
    if (!answer.ok || answer.redirected) await made.unsubscribe();
    if (answer.redirected) location.reload(); // to the sign-in: the session was over
    show();
  }

  buttons.forEach((button) => button.addEventListener("click", () => subscribe().catch(show)));
  if (state || ask) show();
})();
