"use strict";
// The consumer's ten seconds: send the scan once, show the verdict, pay on sign-in. A reload repeats the same scan id.
const WORDS = {
  zh: {
    waiting: "正在查验…", offline: "暂时连不上", offlineText: "网络或服务暂时不可用，您的查验没有丢失。", again: "再试一次",
    gain: "+{n} 积分", held: "+{n} 积分，核实后到账", none: "这次没有积分", signIn: "登录领取积分", phone: "手机号", send: "获取验证码",
    code: "短信验证码", enter: "登录", why: "手机号只用于您的积分账户，加密保存。", wallet: "我的积分", points: "积分", pending: "另有 {n} 待到账",
    signOut: "退出登录", typed: "扫不出来？输入包装上的字符", look: "查验", locate: "提供位置，帮助打击假货", empty: "还没有积分记录",
    first: "首次查验：{when}{where}", at: "，{place}", foot: "查验不需要登录，不会读取通讯录或相册。", sent: "验证码已发送，5 分钟内有效。", switch: "English",
    brand: "一物一码", welcome: "查验商品", welcomeText: "输入包装上的字符，或用手机相机扫描包装上的二维码。", mine: "正品", mineText: "这是正品，您是第一位查验的人。",
    reasons: { "already-claimed": "这个码的积分已领取", "budget-exhausted": "本次活动的积分已发完", "no-campaign": "目前没有积分活动" },
  },
  en: {
    waiting: "Checking…", offline: "Cannot connect", offlineText: "The network or service is away for a moment; your scan is not lost.", again: "Try again",
    gain: "+{n} points", held: "+{n} points, paid after a check", none: "No points this time", signIn: "Sign in to collect your points", phone: "Phone number", send: "Send code",
    code: "Code from the text message", enter: "Sign in", why: "Your number is used for your points account only, and kept encrypted.", wallet: "My points", points: "points", pending: "{n} more on the way",
    signOut: "Sign out", typed: "Cannot scan? Type the characters on the pack", look: "Check", locate: "Share your place to help fight fakes", empty: "No points yet",
    first: "First checked: {when}{where}", at: ", {place}", foot: "Checking needs no account and reads neither contacts nor photos.", sent: "The code was sent; it works for 5 minutes.", switch: "中文",
    brand: "One item, one code", welcome: "Check a product", welcomeText: "Type the characters on the pack, or scan its code with your camera.", mine: "Genuine", mineText: "This pack is genuine, and you are the first to check it.",
    reasons: { "already-claimed": "The points of this code were collected", "budget-exhausted": "This campaign has given away all its points", "no-campaign": "No points campaign is running" },
  },
};
const $ = (id) => document.getElementById(id);
// A browser that keeps nothing (private windows, strict settings) gets a memory that lasts as long as the page.
const kept = (name) => { try { window[name].setItem("_", "1"); return window[name]; } catch { const m = new Map(); return { getItem: (k) => m.get(k) ?? null, setItem: (k, v) => m.set(k, v), removeItem: (k) => m.delete(k) }; } };
const store = kept("localStorage"), visit = kept("sessionStorage");
let lang = store.getItem("lang") || document.documentElement.lang || "zh";
let last = null, place = null;
const say = (key, values = {}) => Object.entries(values).reduce((text, [k, v]) => text.replace(`{${k}}`, v), WORDS[lang][key]);
const hex = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
const random = (n) => crypto.getRandomValues(new Uint8Array(n));

function uuid7() {
  const noise = random(10), time = Date.now().toString(16).padStart(12, "0");
  noise[0] = (noise[0] & 0x0f) | 0x70; noise[2] = (noise[2] & 0x3f) | 0x80;
  const all = time + hex(noise);
  return [all.slice(0, 8), all.slice(8, 12), all.slice(12, 16), all.slice(16, 20), all.slice(20)].join("-");
}
function device() {
  let id = store.getItem("device");
  if (!id) store.setItem("device", (id = hex(random(16))));
  return id;
}
async function ask(method, path, body) {
  const headers = { "Accept-Language": lang };
  if (body) headers["Content-Type"] = "application/json";
  const token = store.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), referrerPolicy: "no-referrer" });
  const said = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) {
    if (answer.status === 401 && token) { store.removeItem("token"); if (!path.includes("sign-in")) return ask(method, path, body); }
    throw Object.assign(new Error(said.detail), { status: answer.status });
  }
  return said;
}
// The scan's id is chosen once and kept, so a reload or a retry is the same scan.
function remembered(code) {
  const key = `scan ${code} ${store.getItem("token") ? 1 : 0} ${place ? 1 : 0}`;
  let id = visit.getItem(key);
  if (!id) visit.setItem(key, (id = uuid7()));
  return id;
}
async function scan(code) {
  history.replaceState({ code }, "", "/"); // A copied link must not carry the code; a reload must still know it.
  show({ verdict: "waiting", title: say("waiting"), text: "" });
  const body = { text: code, device: device(), claim: !!store.getItem("token") };
  if (place) body.location = place;
  try {
    last = await ask("PUT", `/v1/scans/${remembered(code)}`, body);
    last.code = code;
    render();
  } catch (error) {
    show({ verdict: "failed", title: say("offline"), text: error.status ? error.message : say("offlineText") });
    retryButton(code);
  }
}
function retryButton(code) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: say("again") });
  button.onclick = () => { $("reward").hidden = true; scan(code); };
  $("reward").replaceChildren(button);
  $("reward").hidden = false;
}
function show({ verdict, title, text, product = "", first = "" }) {
  $("card").className = `card ${verdict}`;
  $("card").setAttribute("aria-busy", String(verdict === "waiting"));
  $("title").textContent = document.title = title; $("text").textContent = text; $("product").textContent = product; $("first").textContent = first;
}
// Signing in scans once more, to collect: whoever was first a moment ago need not be told that somebody was.
function judged() {
  const { verdict, message, code } = last, first = `first ${code}`;
  if (verdict === "genuine") visit.setItem(first, "1");
  const mine = verdict === "genuine_again" && visit.getItem(first);
  return mine ? { verdict: "genuine", title: say("mine"), text: say("mineText") } : { verdict, ...message };
}
function welcome() {
  show({ verdict: "welcome", title: say("welcome"), text: say("welcomeText") });
  if (store.getItem("token")) wallet(); else $("wallet").hidden = true;
}
function render() {
  const { product, first_scan: first, reward } = last;
  const { verdict, title, text } = judged();
  const when = first && new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" }).format(new Date(first.at));
  const where = first && first.place ? say("at", { place: first.place[lang] }) : "";
  show({ verdict, title, text, product: product ? product[lang] : "",
    first: first && verdict !== "genuine" ? say("first", { when, where }) : "" });
  const signedIn = !!store.getItem("token");
  const line = document.createElement("p");
  if (reward.state === "credited") { line.className = "gain"; line.textContent = say("gain", { n: reward.points }); }
  else if (reward.state === "held") { line.className = "gain held"; line.textContent = say("held", { n: reward.points }); }
  else if (signedIn && product) line.textContent = WORDS[lang].reasons[reward.reason] || say("none");
  $("reward").hidden = !line.textContent;
  $("reward").replaceChildren(line);
  $("signin").hidden = signedIn || reward.state !== "sign_in";
  $("locate").hidden = !!place || !product || !navigator.geolocation;
  if (signedIn) wallet(); else $("wallet").hidden = true;
}
async function wallet() {
  const found = await ask("GET", "/v1/me/wallet").catch(() => null);
  if (!found) { $("wallet").hidden = true; return; } // The verdict stands without it.
  const { available, pending, history } = found;
  $("available").textContent = available; $("points-word").textContent = say("points");
  $("pending").textContent = pending ? say("pending", { n: pending }) : "";
  const lines = history.map((one) => {
    const line = document.createElement("li"), what = document.createElement("span"), sum = document.createElement("b");
    what.textContent = `${one.what[lang]} · ${new Intl.DateTimeFormat(lang, { dateStyle: "short" }).format(new Date(one.at))}`;
    sum.textContent = (one.amount > 0 ? "+" : "") + one.amount;
    line.append(what, sum);
    return line;
  });
  if (!lines.length) { const none = document.createElement("li"); none.textContent = say("empty"); lines.push(none); }
  $("history").replaceChildren(...lines);
  $("wallet").hidden = false;
}
function dress() {
  $("typed").hidden = $("language").hidden = false; // Without scripts they could do nothing, so the page comes without.
  document.documentElement.lang = lang;
  for (const [id, key] of Object.entries({ brand: "brand", "signin-title": "signIn", "phone-label": "phone", send: "send", "code-label": "code", enter: "enter", "signin-why": "why", "wallet-title": "wallet", signout: "signOut", "typed-label": "typed", look: "look", locate: "locate", foot: "foot", language: "switch" })) $(id).textContent = say(key);
}
async function busy(form, work) {
  const button = form.querySelector("button");
  button.disabled = true; $("signin-error").hidden = true;
  try { await work(); } catch (error) { $("signin-error").textContent = error.status ? error.message : say("offlineText"); $("signin-error").hidden = false; }
  button.disabled = false;
}
$("phone-form").onsubmit = (event) => { event.preventDefault(); busy(event.target, async () => {
  await ask("POST", "/v1/sign-in/codes", { phone: $("phone").value });
  $("code-form").hidden = false; $("signin-why").textContent = say("sent"); $("code").focus();
}); };
$("code-form").onsubmit = (event) => { event.preventDefault(); busy(event.target, async () => {
  const { token } = await ask("POST", "/v1/sign-in", { phone: $("phone").value, code: $("code").value });
  store.setItem("token", token); $("signin").hidden = true;
  await scan(last.code);
}); };
$("typed-form").onsubmit = (event) => { event.preventDefault(); scan($("typed-code").value.trim()); };
$("signout").onclick = async () => { await ask("DELETE", "/v1/sign-in").catch(() => null); store.removeItem("token"); if (last) render(); else welcome(); };
$("language").onclick = async () => { lang = lang === "zh" ? "en" : "zh"; store.setItem("lang", lang); dress(); if (last) await scan(last.code); else welcome(); };
$("locate").onclick = () => navigator.geolocation.getCurrentPosition(({ coords }) => {
  place = { lat: coords.latitude, lon: coords.longitude, accuracy_m: coords.accuracy, method: "gps" };
  scan(last.code);
}, () => { $("locate").hidden = true; });
dress();
const code = document.body.dataset.code || history.state?.code;
if (code) scan(code); else welcome();
