// Uses up the link that `make run` prints. Its token is in the fragment, which no server and no log sees.
"use strict";

const token = location.hash.slice(1);

function refused(status, detail) {
  if (status === 401) {
    return say("bad", "This link was used or has expired. `sluice sign-in-link` makes a new one.",
      "此链接已使用或已过期。运行 sluice sign-in-link 可生成新的链接。");
  }
  if (status === 400) return say("bad", `The password cannot be used: ${detail}`, `密码不可用：${detail}`);
  if (status === 429) return say("bad", "Too many tries; wait a minute.", "尝试次数过多，请一分钟后再试。");
  return say("bad", `That did not work (${status}); try again.`, `未成功（${status}），请重试。`);
}

async function signIn(event) {
  event.preventDefault();
  const password = find("password").value;
  if (password && password.length < 8) {
    return say("bad", "A password has at least 8 characters.", "密码至少 8 个字符。");
  }
  find("go").disabled = true;
  say("", "Signing in …", "正在登录……");
  try {
    const answer = await fetch(new URL("v1/sign-in", root), {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Sluice-Console": "1" },
      body: JSON.stringify(password ? { token, password } : { token }),
    });
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) return refused(answer.status, body.detail || "");
    history.replaceState(null, "", location.pathname); // the token is of no use any more, nor is its place in the history
    find("form").hidden = true;
    find("next").hidden = false;
    return say("good", "You are signed in on this browser.", "您已在此浏览器中登录。");
  } catch {
    return say("bad", "The server does not answer; try again.", "服务器没有响应，请重试。");
  } finally {
    find("go").disabled = false;
  }
}

if (!token) {
  find("form").hidden = true;
  say("bad", "The link is not whole: it ends with # and a long token.", "链接不完整：它应以 # 和一长串令牌结尾。");
} else {
  find("form").addEventListener("submit", signIn);
}
