import{_ as e,g as t,h as n,m as r,v as i,w as a}from"./index-YCnfZuNW.js";import{C as o,_ as s,b as c,d as l,t as u}from"./jsxRuntime-CLJ-JzoH.js";import{C as d,H as f,M as p,O as m,S as h,a as g,c as _,d as v,f as y,i as b,k as x,l as S,n as C,o as ee,s as w,t as T,u as E,w as D,y as O}from"./parts-DHQLRan2.js";import{t as k}from"./pages-UJemwAsy.js";import{n as A,t as te}from"./address-DoKovcVS.js";import{t as j}from"./curl-OqlTP5ry.js";import{t as ne}from"./draft-4BEN6jej.js";var M=400;function N(e,t){let[n,r]=[e.split(`
`),t.split(`
`)];if(e===t)return n.map(e=>({kind:` `,text:e}));if(n.length>M||r.length>M)return[...n.map(e=>({kind:`-`,text:e})),...r.map(e=>({kind:`+`,text:e}))];let i=Array.from({length:n.length+1},()=>new Uint16Array(r.length+1)),a=(e,t)=>i[e]?.[t]??0;for(let e=n.length-1;e>=0;e--)for(let t=r.length-1;t>=0;t--)i[e][t]=n[e]===r[t]?a(e+1,t+1)+1:Math.max(a(e+1,t),a(e,t+1));let o=[],[s,c]=[0,0];for(;s<n.length||c<r.length;)s<n.length&&c<r.length&&n[s]===r[c]?(o.push({kind:` `,text:n[s++]}),c++):c>=r.length||s<n.length&&a(s+1,c)>=a(s,c+1)?o.push({kind:`-`,text:n[s++]}):o.push({kind:`+`,text:r[c++]});return o}function P(e){try{return JSON.stringify(JSON.parse(e),null,2)}catch{return e}}var F={pending:`blue`,delivered:`green`,refused:`amber`,dead:`red`},I=e=>Object.entries(e).map(([e,t])=>`${e}: ${t}`).join(`
`),L=e=>e?.sent_body?`POST\n${I(e.sent_headers)}\n\n${P(e.sent_body)}`:``,R=e=>e?e.status===null?e.error:`${e.status}\n${I(e.headers)}\n\n${P(e.answer)}`:``,z={" ":`same`,"-":`gone`,"+":`new`};function B({title:e,before:t,after:n}){let r=l().operate.callbacks,i=t?N(t,n):n.split(`
`).map(e=>({kind:` `,text:e}));return u(`section`,{class:`compared`,children:[u(`h4`,{children:e}),n?u(`pre`,{tabIndex:0,"aria-label":e,children:i.map((e,n)=>u(`span`,{class:`line ${z[e.kind]}`,children:[e.kind!==` `&&u(`span`,{class:`offscreen`,children:e.kind===`+`?r.added:r.taken}),t?`${e.kind} `:``,e.text||` `]},n))}):u(`p`,{class:`muted`,children:`–`})]})}function V({delivery:e}){let t=l().operate.callbacks,{attempts:n}=e,[r,i]=c(0),a=r||n.length,[s,d]=[n[a-1],n[a-2]];return s?u(o,{children:[u(w,{label:t.attempt,value:String(a),change:e=>i(Number(e)),options:n.map(e=>({value:String(e.attempt),label:`${e.attempt}: ${e.status??e.error} · ${e.duration_ms} ms`}))}),u(`p`,{class:`hint`,children:[u(v,{at:s.at}),` · `,s.duration_ms,` ms · `,d?t.comparedWith(a-1):t.first]}),u(`div`,{class:`columns`,children:[u(B,{title:t.request,before:L(d),after:L(s)}),u(B,{title:t.answer,before:R(d),after:R(s)})]})]}):null}function H(e){let t=e.attempts.at(-1),n=t?.sent_body||JSON.stringify(e.payload),r=t?.sent_headers[`webhook-id`]??e.id;return[`curl -X POST`,`-H 'Content-Type: application/json'`,`-H ${p(`webhook-id: ${r}`)}`,`-d ${p(n)}`,`"$CALLBACK_URL"`].join(` \\
  `)}function U({delivery:e,close:t}){let n=l().callbacks,r=l().operate.callbacks,{route:i}=a(),o=()=>x(m.POST(`/v1/deliveries/{delivery}/resend`,{params:{path:{delivery:e.id}}}));return u(g,{title:e.action,close:t,wide:!0,children:[u(`div`,{class:`body`,children:[u(`p`,{class:`states`,children:u(E,{tone:F[e.state]??`grey`,children:n.states[e.state]??e.state})}),e.note&&u(`p`,{class:`why`,children:e.note}),u(`dl`,{class:`facts`,children:[u(`dt`,{children:n.url}),u(`dd`,{children:e.target||`–`}),u(`dt`,{children:l().recordings.stream}),u(`dd`,{children:e.stream||`–`}),u(`dt`,{children:l().live.recording}),u(`dd`,{children:e.recording?u(`a`,{href:f(`recordings/${e.recording}`),onClick:t=>{t.preventDefault(),i(f(`recordings/${e.recording??``}`))},children:e.recording}):`–`}),u(`dt`,{children:r.event}),u(`dd`,{children:e.event||`–`}),u(`dt`,{children:n.made}),u(`dd`,{children:u(v,{at:e.created_at})}),u(`dt`,{children:n.next}),u(`dd`,{children:u(v,{at:e.due_at})})]}),u(`h3`,{children:n.attempts(e.attempts.length)}),u(V,{delivery:e},e.id),u(`details`,{children:[u(`summary`,{children:n.sent}),u(`pre`,{tabIndex:0,children:JSON.stringify(e.payload,null,2)})]}),u(b,{label:`curl`,text:H(e)}),u(`p`,{class:`hint`,children:r.curlHint}),e.action!==`on_publish`&&u(j,{act:o})]}),u(`footer`,{children:e.action===`on_publish`?u(`p`,{class:`hint`,children:r.notResendable}):u(T,{kind:`primary`,press:async()=>{await o(),d(`deliveries`),O(n.resent,`good`)},children:n.resend})})]})}var W=300;function G(e){let t={};try{let n=JSON.parse(e);if(typeof n==`object`&&n)for(let[e,r]of Object.entries(n))t[e.toLowerCase()]=String(r);return t}catch{}for(let n of e.split(`
`)){let e=n.indexOf(`:`);e>0&&(t[n.slice(0,e).trim().toLowerCase()]=n.slice(e+1).trim())}return t}async function K(r,a,o,s){let c=t(r.trim().replace(/^whsec_/,``));return c&&c.length>0?`v1,${n(await e(c,i(`${a}.${o}.${s}`)))}`:null}async function q(e,t,n,r){let[i,a,o]=[t[`webhook-id`],t[`webhook-timestamp`],t[`webhook-signature`]];if(!i||!a||!o||!/^\d+$/.test(a))return`no_headers`;let s=await K(e,i,a,n);if(!s)return`no_secret`;let c=e=>o.split(/\s+/).includes(e);if(!c(s)){let t=await K(e,i,a,n.trim());return t&&c(t)?`wrong_but_trimmed`:`wrong`}let l=r/1e3-Number(a);return l>W?`too_old`:l<-300?`too_new`:`valid`}function J(e){let t=s();return u(`div`,{class:`field`,children:[u(`label`,{for:t,children:e.label}),u(`textarea`,{id:t,rows:e.rows,value:e.value,spellcheck:!1,"aria-describedby":e.hint?`${t}-hint`:void 0,onInput:t=>e.change(t.currentTarget.value)}),e.hint&&u(`p`,{id:`${t}-hint`,class:`hint`,children:e.hint})]})}var Y={Python:`"""Checks that a callback is ours."""

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
`};function X(){let e=l().operate.verify,[t,n]=c(``),[r,i]=c(``),[a,o]=c(``),[s,d]=c(null),[f,p]=c(`Python`),m=e=>t=>{d(null),e(t)};return u(`section`,{class:`card pad`,children:[u(`h2`,{children:e.title}),u(`p`,{class:`muted`,children:e.words}),u(_,{send:e.check,act:async()=>d(await q(t,G(r),a,Date.now())),children:[u(w,{label:l().callbacks.secret,value:t,change:m(n),type:`password`,placeholder:`whsec_…`}),u(J,{label:e.headers,value:r,change:m(i),hint:e.headersHint,rows:3}),u(J,{label:e.body,value:a,change:m(o),hint:e.bodyHint,rows:4})]}),s&&u(`div`,{role:`status`,children:[u(E,{tone:s===`valid`?`green`:`red`,children:s===`valid`?e.valid:e.invalid}),u(`p`,{class:s===`valid`?``:`why`,children:e.verdicts[s]})]}),u(`details`,{children:[u(`summary`,{children:e.code}),u(w,{label:e.language,value:f,change:e=>p(e),options:Object.keys(Y).map(e=>({value:e,label:e}))}),u(`div`,{class:`code`,children:u(b,{label:f,text:Y[f]})})]})]})}function re(){let e=l().callbacks,t=D([`settings`,`callbacks`],e=>x(m.GET(`/v1/settings/callbacks`,{signal:e}))),{draft:n,write:r,saved:i}=ne(t.data),[a,o]=c(null);if(!n)return u(y,{error:t.error,again:t.again});let{enabled:s,target:d,version:f}=n;return u(`section`,{class:`card pad`,children:[u(`h2`,{children:e.target}),u(_,{send:l().common.save,act:async()=>{await x(m.PATCH(`/v1/settings/callbacks`,{body:{enabled:s,target:d,version:f}})),await h.invalidateQueries({queryKey:[`settings`]}),i(),O(l().settings.saved,`good`)},children:[u(C,{label:e.enabled,value:s,change:e=>r({...n,enabled:e})}),u(w,{label:e.url,value:d,change:e=>r({...n,target:e}),placeholder:`https://example.com/hook`,hint:n.warning||n.disabled_reason||e.urlHint})]}),u(T,{press:async()=>o(await x(m.POST(`/v1/callbacks/check`,{body:d?{target:d}:{}}))),children:e.check}),a&&u(`div`,{role:`status`,children:[u(E,{tone:a.ok?`green`:`red`,children:a.ok?e.works:e.fails}),u(`p`,{children:a.explanation}),a.hint&&u(`p`,{class:`why`,children:a.hint})]})]})}function ie(){let e=l().callbacks,t=D([`callbacks`,`secret`],e=>x(m.GET(`/v1/callbacks/secret`,{signal:e})));return t.data?u(`section`,{class:`card pad`,children:[u(`h2`,{children:e.signing}),u(`p`,{class:`muted`,children:e.signingWords}),u(b,{label:e.secret,text:t.data.secret,secret:t.data.secret}),u(T,{press:async()=>{await x(m.POST(`/v1/callbacks/secret/rotate`)),d(`callbacks`),O(e.rotated,`good`)},children:e.rotate})]}):u(y,{error:t.error,again:t.again})}function ae({close:e}){let t=l().operate.callbacks,[n,r]=c(``),[i,a]=c(``),o=e=>new Date(e).toISOString(),s=e=>x(m.POST(`/v1/callbacks/replay`,{body:{from:e,...i?{to:o(i)}:{}}}));return u(g,{title:t.replay,close:e,children:u(_,{send:t.replaySend,cancel:e,act:async()=>{let[r,i]=[o(n),0];for(;r;){let e=await s(r);i+=e.deliveries,r=e.next_from===r?null:e.next_from}d(`deliveries`),O(t.replayed(i),`good`),e()},children:[u(`p`,{class:`muted`,children:t.replayWords}),u(w,{label:t.from,value:n,change:r,type:`datetime-local`,required:!0}),u(w,{label:t.to,value:i,change:a,type:`datetime-local`,hint:t.toHint}),n&&u(j,{act:()=>s(o(n))})]})})}var oe=e=>{let t=e.attempts.at(-1);return t?t.error||`${t.status??`–`} ${t.answer.slice(0,40)}`:`–`},Z=[`on_publish`,`on_unpublish`,`on_record_begin`,`on_record_end`],Q=[`pending`,`delivered`,`refused`,`dead`],$=50;function se(){let e=A(),t={state:Q.find(t=>t===e.state)??``,kind:Z.find(t=>t===e.kind)??``,stream:e.stream??``,since:e.since??``,until:e.until??``};return{wanted:t,filtered:Object.values(t).some(Boolean)}}function ce({wanted:e}){let t=l().operate.callbacks,{route:n}=a(),r=t=>r=>n(te({...e,[t]:r}),!0),i={value:``,label:t.any};return u(`div`,{class:`row filters`,children:[u(w,{label:l().recordings.state,value:e.state,change:r(`state`),options:[i,...Q.map(e=>({value:e,label:l().callbacks.states[e]??e}))]}),u(w,{label:l().callbacks.event,value:e.kind,change:r(`kind`),options:[i,...Z.map(e=>({value:e,label:e}))]}),u(w,{label:l().recordings.stream,value:e.stream,change:r(`stream`),type:`search`,placeholder:`live/show`}),u(w,{label:t.since,value:e.since,change:r(`since`),type:`datetime-local`}),u(w,{label:t.until,value:e.until,change:r(`until`),type:`datetime-local`})]})}function le({id:e}){let t=l().callbacks,n=l().operate.callbacks,{route:i}=a(),{wanted:o,filtered:s}=se(),[d,p]=c(1),[h,g]=c(!1),_=e=>e&&!Number.isNaN(Date.parse(e))?new Date(e).toISOString():void 0,b={limit:$,kind:o.kind,stream:o.stream,...o.state?{state:o.state}:{},..._(o.since)?{since:_(o.since)}:{},..._(o.until)?{until:_(o.until)}:{}},C=D([`deliveries`,`list`,b,d],e=>k(d,t=>x(m.GET(`/v1/deliveries`,{params:{query:{...b,...t?{cursor:t}:{}}},signal:e}))),{every:3e3}),w=D([`deliveries`,e],t=>x(m.GET(`/v1/deliveries/{delivery}`,{params:{path:{delivery:e}},signal:t})),{enabled:e!==``,every:2e3});return u(S,{title:t.title,action:u(T,{press:()=>g(!0),children:n.replay}),children:[u(`div`,{class:`columns`,children:[u(re,{}),u(ie,{})]}),u(`h2`,{children:t.deliveries}),u(ce,{wanted:o}),!C.data&&u(y,{error:C.error,again:C.again}),C.data?.items.length===0&&u(ee,{words:s?n.noneFound:t.none}),(C.data?.items.length??0)>0&&u(r,{label:t.deliveries,rows:C.data?.items??[],columns:[{head:t.event,cell:e=>u(`a`,{href:f(`callbacks/${e.id}`),children:e.action})},{head:l().recordings.state,cell:e=>u(E,{tone:F[e.state]??`grey`,children:t.states[e.state]??e.state})},{head:l().recordings.stream,cell:e=>e.stream||`–`},{head:t.made,cell:e=>u(v,{at:e.created_at})},{head:t.tries,cell:e=>e.attempts.length,number:!0},{head:n.lastAnswer,cell:e=>oe(e)}]}),C.data?.cursor&&u(T,{press:()=>p(d+1),children:l().common.more}),h&&u(ae,{close:()=>g(!1)}),u(X,{}),e&&!w.data&&w.error&&u(`p`,{class:`why`,role:`alert`,children:w.error.status===404?n.gone:w.error.message}),e&&w.data&&u(U,{delivery:w.data,close:()=>i(f(`callbacks`))})]})}export{le as Callbacks};