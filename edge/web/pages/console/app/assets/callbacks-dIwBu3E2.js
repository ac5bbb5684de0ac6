import{A as e,E as t,F as n,H as r,M as i,P as a,R as o,U as s,_ as c,b as l,c as u,d,g as f,h as p,j as m,m as h,p as g,u as _,v,x as y,y as b}from"./index-DL4KJzep.js";import{C as x,_ as S,b as C,d as w,t as T}from"./jsxRuntime-CRQw5pDE.js";import{n as E,r as D,t as O}from"./curl-a84SsoKc.js";import{t as ee}from"./draft-I9nu0FNt.js";var k=400;function A(e,t){let[n,r]=[e.split(`
`),t.split(`
`)];if(e===t)return n.map(e=>({kind:` `,text:e}));if(n.length>k||r.length>k)return[...n.map(e=>({kind:`-`,text:e})),...r.map(e=>({kind:`+`,text:e}))];let i=Array.from({length:n.length+1},()=>new Uint16Array(r.length+1)),a=(e,t)=>i[e]?.[t]??0;for(let e=n.length-1;e>=0;e--)for(let t=r.length-1;t>=0;t--)i[e][t]=n[e]===r[t]?a(e+1,t+1)+1:Math.max(a(e+1,t),a(e,t+1));let o=[],[s,c]=[0,0];for(;s<n.length||c<r.length;)s<n.length&&c<r.length&&n[s]===r[c]?(o.push({kind:` `,text:n[s++]}),c++):c>=r.length||s<n.length&&a(s+1,c)>=a(s,c+1)?o.push({kind:`-`,text:n[s++]}):o.push({kind:`+`,text:r[c++]});return o}function j(e){try{return JSON.stringify(JSON.parse(e),null,2)}catch{return e}}var M={pending:`blue`,delivered:`green`,refused:`amber`,dead:`red`},N=e=>Object.entries(e).map(([e,t])=>`${e}: ${t}`).join(`
`),P=e=>e?.sent_body?`POST\n${N(e.sent_headers)}\n\n${j(e.sent_body)}`:``,F=e=>e?e.status===null?e.error:`${e.status}\n${N(e.headers)}\n\n${j(e.answer)}`:``,te={" ":`same`,"-":`gone`,"+":`new`};function I({title:e,before:t,after:n}){let r=w().operate.callbacks,i=t?A(t,n):n.split(`
`).map(e=>({kind:` `,text:e}));return T(`section`,{class:`compared`,children:[T(`h4`,{children:e}),n?T(`pre`,{tabIndex:0,"aria-label":e,children:i.map((e,n)=>T(`span`,{class:`line ${te[e.kind]}`,children:[e.kind!==` `&&T(`span`,{class:`offscreen`,children:e.kind===`+`?r.added:r.taken}),t?`${e.kind} `:``,e.text,`
`]},n))}):T(`p`,{class:`muted`,children:`–`})]})}function ne({delivery:e}){let t=w().operate.callbacks,{attempts:n}=e,[r,i]=C(0),a=r||n.length,[o,s]=[n[a-1],n[a-2]];return o?T(x,{children:[T(f,{label:t.attempt,value:String(a),change:e=>i(Number(e)),options:n.map(e=>({value:String(e.attempt),label:`${e.attempt}: ${e.status??e.error} · ${e.duration_ms} ms`}))}),T(`p`,{class:`hint`,children:[T(l,{at:o.at}),` · `,o.duration_ms,` ms · `,s?t.comparedWith(a-1):t.first]}),T(`div`,{class:`columns`,children:[T(I,{title:t.request,before:P(s),after:P(o)}),T(I,{title:t.answer,before:F(s),after:F(o)})]})]}):null}function L(e){let t=e.attempts.at(-1),n=t?.sent_body||JSON.stringify(e.payload),r=t?.sent_headers[`webhook-id`]??e.id;return[`curl -X POST`,`-H 'Content-Type: application/json'`,`-H ${o(`webhook-id: ${r}`)}`,`-d ${o(n)}`,`"$CALLBACK_URL"`].join(` \\
  `)}function R({delivery:e,close:i}){let o=w().callbacks,c=w().operate.callbacks,{route:u}=s(),d=()=>n(a.POST(`/v1/deliveries/{delivery}/resend`,{params:{path:{delivery:e.id}}}));return T(h,{title:e.action,close:i,wide:!0,children:[T(`div`,{class:`body`,children:[T(`p`,{class:`states`,children:T(b,{tone:M[e.state]??`grey`,children:o.states[e.state]??e.state})}),e.note&&T(`p`,{class:`why`,children:e.note}),T(`dl`,{class:`facts`,children:[T(`dt`,{children:o.url}),T(`dd`,{children:e.target||`–`}),T(`dt`,{children:w().recordings.stream}),T(`dd`,{children:e.stream||`–`}),T(`dt`,{children:w().live.recording}),T(`dd`,{children:e.recording?T(`a`,{href:r(`recordings/${e.recording}`),onClick:t=>{t.preventDefault(),u(r(`recordings/${e.recording??``}`))},children:e.recording}):`–`}),T(`dt`,{children:c.event}),T(`dd`,{children:e.event||`–`}),T(`dt`,{children:o.made}),T(`dd`,{children:T(l,{at:e.created_at})}),T(`dt`,{children:o.next}),T(`dd`,{children:T(l,{at:e.due_at})})]}),T(`h3`,{children:o.attempts(e.attempts.length)}),T(ne,{delivery:e},e.id),T(`details`,{children:[T(`summary`,{children:o.sent}),T(`pre`,{tabIndex:0,children:JSON.stringify(e.payload,null,2)})]}),T(g,{label:`curl`,text:L(e)}),T(`p`,{class:`hint`,children:c.curlHint}),e.action!==`on_publish`&&T(O,{act:d})]}),T(`footer`,{children:e.action===`on_publish`?T(`p`,{class:`hint`,children:c.notResendable}):T(_,{kind:`primary`,press:async()=>{await d(),m(`deliveries`),t(o.resent,`good`)},children:o.resend})})]})}var z=new Uint32Array(64),B=new Uint32Array(8);function re(){let e=e=>(e-Math.floor(e))*4294967296;for(let t=2,n=0;n<64;t++){let r=!0;for(let e=2;e*e<=t;e++)t%e===0&&(r=!1);r&&(n<8&&(B[n]=e(Math.sqrt(t))),z[n++]=e(Math.cbrt(t)))}}re();var V=(e,t)=>e>>>t|e<<32-t;function ie(e,t){for(let e=16;e<64;e++){let[n,r]=[t[e-15],t[e-2]];t[e]=t[e-16]+(V(n,7)^V(n,18)^n>>>3)+t[e-7]+(V(r,17)^V(r,19)^r>>>10)}let[n,r,i,a,o,s,c,l]=e;for(let e=0;e<64;e++){let u=l+(V(o,6)^V(o,11)^V(o,25))+(o&s^~o&c)+z[e]+t[e]|0,d=(V(n,2)^V(n,13)^V(n,22))+(n&r^n&i^r&i)|0;[l,c,s,o,a,i,r,n]=[c,s,o,a+u|0,i,r,n,u+d|0]}for(let[t,u]of[n,r,i,a,o,s,c,l].entries())e[t]=e[t]+u}function H(e){let t=new Uint8Array(Math.ceil((e.length+9)/64)*64);t.set(e),t[e.length]=128;let n=new DataView(t.buffer);n.setUint32(t.length-8,Math.floor(e.length/536870912)),n.setUint32(t.length-4,e.length<<3);let r=B.slice();for(let e=0;e<t.length;e+=64)ie(r,Uint32Array.from({length:64},(t,r)=>r<16?n.getUint32(e+r*4):0));let i=new DataView(new ArrayBuffer(32));return r.forEach((e,t)=>i.setUint32(t*4,e)),new Uint8Array(i.buffer)}async function U(e,t=globalThis.crypto?.subtle){return t?new Uint8Array(await t.digest(`SHA-256`,e)):H(e)}var W=(e,t)=>{let n=new Uint8Array(e.length+t.length);return n.set(e),n.set(t,e.length),n};async function G(e,t,n){let r=new Uint8Array(64);r.set(e.length>64?await U(e,n):e);let i=await U(W(r.map(e=>e^54),t),n);return U(W(r.map(e=>e^92),i),n)}var K=e=>new TextEncoder().encode(e),q=e=>btoa(String.fromCharCode(...e));function J(e){try{return Uint8Array.from(atob(e),e=>e.charCodeAt(0))}catch{return null}}var ae=300;function oe(e){let t={};try{let n=JSON.parse(e);if(typeof n==`object`&&n)for(let[e,r]of Object.entries(n))t[e.toLowerCase()]=String(r);return t}catch{}for(let n of e.split(`
`)){let e=n.indexOf(`:`);e>0&&(t[n.slice(0,e).trim().toLowerCase()]=n.slice(e+1).trim())}return t}async function Y(e,t,n,r){let i=J(e.trim().replace(/^whsec_/,``));return i&&i.length>0?`v1,${q(await G(i,K(`${t}.${n}.${r}`)))}`:null}async function se(e,t,n,r){let[i,a,o]=[t[`webhook-id`],t[`webhook-timestamp`],t[`webhook-signature`]];if(!i||!a||!o||!/^\d+$/.test(a))return`no_headers`;let s=await Y(e,i,a,n);if(!s)return`no_secret`;let c=e=>o.split(/\s+/).includes(e);if(!c(s)){let t=await Y(e,i,a,n.trim());return t&&c(t)?`wrong_but_trimmed`:`wrong`}let l=r/1e3-Number(a);return l>ae?`too_old`:l<-300?`too_new`:`valid`}function X(e){let t=S();return T(`div`,{class:`field`,children:[T(`label`,{for:t,children:e.label}),T(`textarea`,{id:t,rows:e.rows,value:e.value,spellcheck:!1,"aria-describedby":e.hint?`${t}-hint`:void 0,onInput:t=>e.change(t.currentTarget.value)}),e.hint&&T(`p`,{id:`${t}-hint`,class:`hint`,children:e.hint})]})}var Z={Python:`"""Checks that a callback is ours."""

import base64
import hashlib
import hmac
import time


def verify(secret: str, headers: dict[str, str], body: bytes, tolerance_s: int = 300) -> None:
    """Raises ValueError unless the callback is genuine and fresh. Give the body as it came, byte for byte."""
    message, at = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(at)) > tolerance_s:
        raise ValueError("too old, or from the future")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message}.{at}.".encode() + body, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(digest).decode()
    # Two signatures while the secret is being changed; one that fits is enough.
    if not any(hmac.compare_digest(expected, each) for each in headers["webhook-signature"].split(" ")):
        raise ValueError("the signature is wrong")
`,JavaScript:`import { createHmac, timingSafeEqual } from "node:crypto";

/** Throws unless the callback is genuine and fresh. Give the body as it came, byte for byte (a Buffer or a string). */
export function verify(secret, headers, body, toleranceS = 300) {
  const id = headers["webhook-id"];
  const at = headers["webhook-timestamp"];
  if (!(Math.abs(Date.now() / 1000 - Number(at)) <= toleranceS)) throw new Error("too old, or from the future");
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = Buffer.from(\`v1,\${createHmac("sha256", key).update(\`\${id}.\${at}.\`).update(body).digest("base64")}\`);
  // Two signatures while the secret is being changed; one that fits is enough.
  const fits = String(headers["webhook-signature"]).split(" ").some((each) => {
    const given = Buffer.from(each);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!fits) throw new Error("the signature is wrong");
}
`,Go:`package callbacks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Verify fails unless the callback is genuine and fresh. Give the body as it came, byte for byte.
func Verify(secret string, header http.Header, body []byte, tolerance time.Duration) error {
	id, at := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > tolerance {
		return errors.New("too old, or from the future")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	// Two signatures while the secret is being changed; one that fits is enough.
	for _, each := range strings.Split(header.Get("webhook-signature"), " ") {
		if hmac.Equal([]byte(each), expected) {
			return nil
		}
	}
	return errors.New("the signature is wrong")
}
`,PHP:`<?php
/** Throws unless the callback is genuine and fresh. Give the body as it came: file_get_contents('php://input'). */
function verify_callback(string $secret, array $headers, string $body, int $tolerance_s = 300): void
{
    $id = $headers['webhook-id'];
    $at = $headers['webhook-timestamp'];
    if (!ctype_digit($at) || abs(time() - (int) $at) > $tolerance_s) {
        throw new RuntimeException('too old, or from the future');
    }
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$at.$body", $key, true));
    // Two signatures while the secret is being changed; one that fits is enough.
    foreach (explode(' ', $headers['webhook-signature']) as $each) {
        if (hash_equals($expected, $each)) {
            return;
        }
    }
    throw new RuntimeException('the signature is wrong');
}
`,Java:`import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class Verify {
    /** Throws unless the callback is genuine and fresh. Give the body as it came, byte for byte. */
    public static void verify(String secret, Map<String, String> headers, byte[] body, long toleranceSeconds) throws Exception {
        String id = headers.get("webhook-id");
        String at = headers.get("webhook-timestamp");
        if (Math.abs(Instant.now().getEpochSecond() - Long.parseLong(at)) > toleranceSeconds) {
            throw new SecurityException("too old, or from the future");
        }
        byte[] key = Base64.getDecoder().decode(secret.replaceFirst("^whsec_", ""));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        ByteArrayOutputStream signed = new ByteArrayOutputStream();
        signed.write((id + "." + at + ".").getBytes(StandardCharsets.UTF_8));
        signed.write(body);
        String expected = "v1," + Base64.getEncoder().encodeToString(mac.doFinal(signed.toByteArray()));
        // Two signatures while the secret is being changed; one that fits is enough.
        for (String each : headers.get("webhook-signature").split(" ")) {
            if (MessageDigest.isEqual(expected.getBytes(StandardCharsets.UTF_8), each.getBytes(StandardCharsets.UTF_8))) {
                return;
            }
        }
        throw new SecurityException("the signature is wrong");
    }
}
`};function ce(){let e=w().operate.verify,[t,n]=C(``),[r,i]=C(``),[a,o]=C(``),[s,l]=C(null),[u,d]=C(`Python`),p=e=>t=>{l(null),e(t)};return T(`section`,{class:`card pad`,children:[T(`h2`,{children:e.title}),T(`p`,{class:`muted`,children:e.words}),T(c,{send:e.check,act:async()=>l(await se(t,oe(r),a,Date.now())),children:[T(f,{label:w().callbacks.secret,value:t,change:p(n),type:`password`,placeholder:`whsec_…`}),T(X,{label:e.headers,value:r,change:p(i),hint:e.headersHint,rows:3}),T(X,{label:e.body,value:a,change:p(o),hint:e.bodyHint,rows:4})]}),s&&T(`div`,{role:`status`,children:[T(b,{tone:s===`valid`?`green`:`red`,children:s===`valid`?e.valid:e.invalid}),T(`p`,{class:s===`valid`?``:`why`,children:e.verdicts[s]})]}),T(`details`,{children:[T(`summary`,{children:e.code}),T(f,{label:e.language,value:u,change:e=>d(e),options:Object.keys(Z).map(e=>({value:e,label:e}))}),T(`div`,{class:`code`,children:T(g,{label:u,text:Z[u]})})]})]})}function le(){let r=w().callbacks,o=i([`settings`,`callbacks`],e=>n(a.GET(`/v1/settings/callbacks`,{signal:e}))),{draft:s,write:l,saved:u}=ee(o.data),[p,m]=C(null);if(!s)return T(y,{error:o.error,again:o.again});let{enabled:h,target:g,version:v}=s;return T(`section`,{class:`card pad`,children:[T(`h2`,{children:r.target}),T(c,{send:w().common.save,act:async()=>{await n(a.PATCH(`/v1/settings/callbacks`,{body:{enabled:h,target:g,version:v}})),await e.invalidateQueries({queryKey:[`settings`]}),u(),t(w().settings.saved,`good`)},children:[T(d,{label:r.enabled,value:h,change:e=>l({...s,enabled:e})}),T(f,{label:r.url,value:g,change:e=>l({...s,target:e}),placeholder:`https://example.com/hook`,hint:s.warning||s.disabled_reason||r.urlHint})]}),T(_,{press:async()=>m(await n(a.POST(`/v1/callbacks/check`,{body:g?{target:g}:{}}))),children:r.check}),p&&T(`div`,{role:`status`,children:[T(b,{tone:p.ok?`green`:`red`,children:p.ok?r.works:r.fails}),T(`p`,{children:p.explanation}),p.hint&&T(`p`,{class:`why`,children:p.hint})]})]})}function ue(){let e=w().callbacks,r=i([`callbacks`,`secret`],e=>n(a.GET(`/v1/callbacks/secret`,{signal:e})));return r.data?T(`section`,{class:`card pad`,children:[T(`h2`,{children:e.signing}),T(`p`,{class:`muted`,children:e.signingWords}),T(g,{label:e.secret,text:r.data.secret,secret:r.data.secret}),T(_,{press:async()=>{await n(a.POST(`/v1/callbacks/secret/rotate`)),m(`callbacks`),t(e.rotated,`good`)},children:e.rotate})]}):T(y,{error:r.error,again:r.again})}function de({close:e}){let r=w().operate.callbacks,[i,o]=C(``),[s,l]=C(``),u=e=>new Date(e).toISOString(),d=e=>n(a.POST(`/v1/callbacks/replay`,{body:{from:e,...s?{to:u(s)}:{}}}));return T(h,{title:r.replay,close:e,children:T(c,{send:r.replaySend,cancel:e,act:async()=>{let[n,a]=[u(i),0];for(;n;){let e=await d(n);a+=e.deliveries,n=e.next_from===n?null:e.next_from}m(`deliveries`),t(r.replayed(a),`good`),e()},children:[T(`p`,{class:`muted`,children:r.replayWords}),T(f,{label:r.from,value:i,change:o,type:`datetime-local`,required:!0}),T(f,{label:r.to,value:s,change:l,type:`datetime-local`,hint:r.toHint}),i&&T(O,{act:()=>d(u(i))})]})})}var fe=e=>{let t=e.attempts.at(-1);return t?t.error||`${t.status??`–`} ${t.answer.slice(0,40)}`:`–`},Q=[`on_publish`,`on_unpublish`,`on_record_begin`,`on_record_end`],$=[`pending`,`delivered`,`refused`,`dead`],pe=50;function me(){let e=D(),t={state:$.find(t=>t===e.state)??``,kind:Q.find(t=>t===e.kind)??``,stream:e.stream??``,since:e.since??``,until:e.until??``};return{wanted:t,filtered:Object.values(t).some(Boolean)}}function he({wanted:e}){let t=w().operate.callbacks,{route:n}=s(),r=t=>r=>n(E({...e,[t]:r}),!0),i={value:``,label:t.any};return T(`div`,{class:`row filters`,children:[T(f,{label:w().recordings.state,value:e.state,change:r(`state`),options:[i,...$.map(e=>({value:e,label:w().callbacks.states[e]??e}))]}),T(f,{label:w().callbacks.event,value:e.kind,change:r(`kind`),options:[i,...Q.map(e=>({value:e,label:e}))]}),T(f,{label:w().recordings.stream,value:e.stream,change:r(`stream`),type:`search`,placeholder:`live/show`}),T(f,{label:t.since,value:e.since,change:r(`since`),type:`datetime-local`}),T(f,{label:t.until,value:e.until,change:r(`until`),type:`datetime-local`})]})}function ge({id:e}){let t=w().callbacks,o=w().operate.callbacks,{route:c}=s(),{wanted:d,filtered:f}=me(),[m,h]=C(pe),[g,x]=C(!1),S=e=>e&&!Number.isNaN(Date.parse(e))?new Date(e).toISOString():void 0,E={limit:Math.min(m,100),kind:d.kind,stream:d.stream,...d.state?{state:d.state}:{},...S(d.since)?{since:S(d.since)}:{},...S(d.until)?{until:S(d.until)}:{}},D=i([`deliveries`,`list`,E],e=>n(a.GET(`/v1/deliveries`,{params:{query:E},signal:e})),{every:3e3}),O=i([`deliveries`,e],t=>n(a.GET(`/v1/deliveries/{delivery}`,{params:{path:{delivery:e}},signal:t})),{enabled:e!==``,every:2e3});return T(v,{title:t.title,action:T(_,{press:()=>x(!0),children:o.replay}),children:[T(`div`,{class:`columns`,children:[T(le,{}),T(`div`,{class:`stack`,children:[T(ue,{}),T(ce,{})]})]}),T(`h2`,{children:t.deliveries}),T(he,{wanted:d}),!D.data&&T(y,{error:D.error,again:D.again}),D.data?.items.length===0&&T(p,{words:f?o.noneFound:t.none}),(D.data?.items.length??0)>0&&T(u,{label:t.deliveries,rows:D.data?.items??[],columns:[{head:t.event,cell:e=>T(`a`,{href:r(`callbacks/${e.id}`),children:e.action})},{head:w().recordings.state,cell:e=>T(b,{tone:M[e.state]??`grey`,children:t.states[e.state]??e.state})},{head:w().recordings.stream,cell:e=>e.stream||`–`},{head:t.made,cell:e=>T(l,{at:e.created_at})},{head:t.tries,cell:e=>e.attempts.length,number:!0},{head:o.lastAnswer,cell:e=>fe(e)}]}),D.data?.cursor&&m<100&&T(_,{press:()=>h(100),children:w().common.more}),g&&T(de,{close:()=>x(!1)}),e&&O.data&&T(R,{delivery:O.data,close:()=>c(r(`callbacks`))})]})}export{ge as Callbacks};