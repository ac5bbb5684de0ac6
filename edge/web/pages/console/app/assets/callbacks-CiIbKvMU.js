import{M as e,S as t,_ as n,b as r,g as i,m as a,v as o,x as s,y as c}from"./index-C2fdr7yV.js";import{d as l,t as u,v as d,w as f,x as p}from"./jsxRuntime-BmJQWp85.js";import{C as m,P as h,T as g,W as _,a as v,c as y,d as b,f as x,i as S,j as C,k as w,l as T,n as E,o as D,s as O,t as k,u as A,w as j,y as M}from"./parts-Dqr0lfp-.js";import{n as N,t as ee}from"./address-DsqT_1WL.js";import{t as P}from"./draft-BDmeR6Ki.js";var F=400;function te(e,t){let[n,r]=[e.split(`
`),t.split(`
`)];if(e===t)return n.map(e=>({kind:` `,text:e}));if(n.length>F||r.length>F)return[...n.map(e=>({kind:`-`,text:e})),...r.map(e=>({kind:`+`,text:e}))];let i=Array.from({length:n.length+1},()=>new Uint16Array(r.length+1)),a=(e,t)=>i[e]?.[t]??0;for(let e=n.length-1;e>=0;e--)for(let t=r.length-1;t>=0;t--)i[e][t]=n[e]===r[t]?a(e+1,t+1)+1:Math.max(a(e+1,t),a(e,t+1));let o=[],[s,c]=[0,0];for(;s<n.length||c<r.length;)s<n.length&&c<r.length&&n[s]===r[c]?(o.push({kind:` `,text:n[s++]}),c++):c>=r.length||s<n.length&&a(s+1,c)>=a(s,c+1)?o.push({kind:`-`,text:n[s++]}):o.push({kind:`+`,text:r[c++]});return o}function I(e){try{return JSON.stringify(JSON.parse(e),null,2)}catch{return e}}var L={pending:`blue`,delivered:`green`,refused:`amber`,dead:`red`},R=e=>Object.entries(e).map(([e,t])=>`${e}: ${t}`).join(`
`),z=e=>e?.sent_body?`POST\n${R(e.sent_headers)}\n\n${I(e.sent_body)}`:``,B=e=>e?e.status===null?e.error:`${e.status}\n${R(e.headers)}\n\n${I(e.answer)}`:``,ne={" ":`same`,"-":`gone`,"+":`new`};function V({title:e,before:t,after:n}){let r=l().operate.callbacks,i=t?te(t,n):n.split(`
`).map(e=>({kind:` `,text:e}));return u(`section`,{class:`compared`,children:[u(`h4`,{children:e}),n?u(`pre`,{tabIndex:0,"aria-label":e,children:i.map((e,n)=>u(`span`,{class:`line ${ne[e.kind]}`,children:[e.kind!==` `&&u(`span`,{class:`offscreen`,children:e.kind===`+`?r.added:r.taken}),t?`${e.kind} `:``,e.text||` `]},n))}):u(`p`,{class:`muted`,children:`–`})]})}function H({delivery:e}){let t=l().operate.callbacks,{attempts:n}=e,[r,i]=p(0),a=r||n.length,[o,s]=[n[a-1],n[a-2]];return o?u(f,{children:[u(O,{label:t.attempt,value:String(a),change:e=>i(Number(e)),options:n.map(e=>({value:String(e.attempt),label:`${e.attempt}: ${e.status??e.error} · ${e.duration_ms} ms`}))}),u(`p`,{class:`hint`,children:[u(b,{at:o.at}),` · `,o.duration_ms,` ms · `,s?t.comparedWith(a-1):t.first]}),u(`div`,{class:`columns`,children:[u(V,{title:t.request,before:z(s),after:z(o)}),u(V,{title:t.answer,before:B(s),after:B(o)})]})]}):null}function U(e){let t=e.attempts.at(-1),n=t?.sent_body||JSON.stringify(e.payload),r=t?.sent_headers[`webhook-id`]??e.id;return[`curl -X POST`,`-H 'Content-Type: application/json'`,`-H ${h(`webhook-id: ${r}`)}`,`-d ${h(n)}`,`"$CALLBACK_URL"`].join(` \\
  `)}function W({delivery:n,close:r}){let i=l().callbacks,a=l().operate.callbacks,{route:o}=e(),s=()=>C(w.POST(`/v1/deliveries/{delivery}/resend`,{params:{path:{delivery:n.id}}}));return u(v,{title:n.action,close:r,wide:!0,children:[u(`div`,{class:`body`,children:[u(`p`,{class:`states`,children:u(A,{tone:L[n.state]??`grey`,children:i.states[n.state]??n.state})}),n.note&&u(`p`,{class:`why`,children:n.note}),u(`dl`,{class:`facts`,children:[u(`dt`,{children:i.url}),u(`dd`,{children:n.target||`–`}),u(`dt`,{children:l().recordings.stream}),u(`dd`,{children:n.stream||`–`}),u(`dt`,{children:l().life.lanes.recording}),u(`dd`,{children:n.recording?u(`a`,{href:_(`recordings/${n.recording}`),onClick:e=>{e.preventDefault(),o(_(`recordings/${n.recording??``}`))},children:n.recording}):`–`}),u(`dt`,{children:a.event}),u(`dd`,{children:n.event||`–`}),u(`dt`,{children:i.made}),u(`dd`,{children:u(b,{at:n.created_at})}),u(`dt`,{children:i.next}),u(`dd`,{children:u(b,{at:n.due_at})})]}),u(`h3`,{children:i.attempts(n.attempts.length)}),u(H,{delivery:n},n.id),u(`details`,{children:[u(`summary`,{children:i.sent}),u(`pre`,{tabIndex:0,children:JSON.stringify(n.payload,null,2)})]}),u(S,{label:`curl`,text:U(n)}),u(`p`,{class:`hint`,children:a.curlHint}),n.action!==`on_publish`&&u(t,{act:s})]}),u(`footer`,{children:n.action===`on_publish`?u(`p`,{class:`hint`,children:a.notResendable}):u(k,{kind:`primary`,press:async()=>{await s(),j(`deliveries`),M(i.resent,`good`)},children:i.resend})})]})}var G=300;function K(e){let t={};try{let n=JSON.parse(e);if(typeof n==`object`&&n)for(let[e,r]of Object.entries(n))t[e.toLowerCase()]=String(r);return t}catch{}for(let n of e.split(`
`)){let e=n.indexOf(`:`);e>0&&(t[n.slice(0,e).trim().toLowerCase()]=n.slice(e+1).trim())}return t}async function q(e,t,n,i){let a=c(e.trim().replace(/^whsec_/,``));return a&&a.length>0?`v1,${o(await r(a,s(`${t}.${n}.${i}`)))}`:null}async function J(e,t,n,r){let[i,a,o]=[t[`webhook-id`],t[`webhook-timestamp`],t[`webhook-signature`]];if(!i||!a||!o||!/^\d+$/.test(a))return`no_headers`;let s=await q(e,i,a,n);if(!s)return`no_secret`;let c=e=>o.split(/\s+/).includes(e);if(!c(s)){let t=await q(e,i,a,n.trim());return t&&c(t)?`wrong_but_trimmed`:`wrong`}let l=r/1e3-Number(a);return l>G?`too_old`:l<-300?`too_new`:`valid`}function Y(e){let t=d();return u(`div`,{class:`field`,children:[u(`label`,{for:t,children:e.label}),u(`textarea`,{id:t,rows:e.rows,value:e.value,spellcheck:!1,"aria-describedby":e.hint?`${t}-hint`:void 0,onInput:t=>e.change(t.currentTarget.value)}),e.hint&&u(`p`,{id:`${t}-hint`,class:`hint`,children:e.hint})]})}var X={Python:`"""Checks that a callback is ours."""

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
`};function re(){let e=l().operate.verify,[t,n]=p(``),[r,i]=p(``),[a,o]=p(``),[s,c]=p(null),[d,f]=p(`Python`),m=e=>t=>{c(null),e(t)};return u(`section`,{class:`card pad`,children:[u(`h2`,{children:e.title}),u(`p`,{class:`muted`,children:e.words}),u(y,{send:e.check,act:async()=>c(await J(t,K(r),a,Date.now())),children:[u(O,{label:l().callbacks.secret,value:t,change:m(n),type:`password`,placeholder:`whsec_…`}),u(Y,{label:e.headers,value:r,change:m(i),hint:e.headersHint,rows:3}),u(Y,{label:e.body,value:a,change:m(o),hint:e.bodyHint,rows:4})]}),s&&u(`div`,{role:`status`,children:[u(A,{tone:s===`valid`?`green`:`red`,children:s===`valid`?e.valid:e.invalid}),u(`p`,{class:s===`valid`?``:`why`,children:e.verdicts[s]})]}),u(`details`,{children:[u(`summary`,{children:e.code}),u(O,{label:e.language,value:d,change:e=>f(e),options:Object.keys(X).map(e=>({value:e,label:e}))}),u(`div`,{class:`code`,children:u(S,{label:d,text:X[d]})})]})]})}function ie(e){let t=l().operate.callbacks;return e.disabled_reason?t.switchedOff(e.disabled_reason):e.warning?e.target.startsWith(`https:`)?t.notVerified:t.unencrypted:``}function ae({trial:e}){let t=l().callbacks,n=l().operate.trial;return u(`div`,{role:`status`,children:[u(A,{tone:e.ok?`green`:`red`,children:e.ok?t.works:t.fails}),u(`p`,{children:e.step===`status`&&e.status!==null?n.status(e.status):n.steps[e.step]}),e.hint&&u(`details`,{children:[u(`summary`,{class:`hint`,children:n.details}),u(`p`,{class:`why`,children:[e.explanation,` `,e.hint]})]})]})}function oe(){let e=l().callbacks,t=g([`settings`,`callbacks`],e=>C(w.GET(`/v1/settings/callbacks`,{signal:e}))),{draft:n,write:r,saved:i}=P(t.data),[a,o]=p(null);if(!n)return u(x,{error:t.error,again:t.again});let{enabled:s,target:c,version:d}=n;return u(`section`,{class:`card pad`,children:[u(`h2`,{children:e.target}),u(y,{send:l().common.save,act:async()=>{await C(w.PATCH(`/v1/settings/callbacks`,{body:{enabled:s,target:c,version:d}})),await m.invalidateQueries({queryKey:[`settings`]}),i(),M(l().settings.saved,`good`)},children:[u(E,{label:e.enabled,value:s,change:e=>r({...n,enabled:e})}),u(O,{label:e.url,value:c,change:e=>r({...n,target:e}),placeholder:`https://example.com/hook`,hint:ie(n)||e.urlHint})]}),u(k,{press:async()=>o(await C(w.POST(`/v1/callbacks/check`,{body:c?{target:c}:{}}))),children:e.check}),a&&u(ae,{trial:a})]})}function se(){let e=l().callbacks,t=g([`callbacks`,`secret`],e=>C(w.GET(`/v1/callbacks/secret`,{signal:e})));return t.data?u(`section`,{class:`card pad`,children:[u(`h2`,{children:e.signing}),u(`p`,{class:`muted`,children:e.signingWords}),u(S,{label:e.secret,text:t.data.secret,secret:t.data.secret}),u(k,{press:async()=>{await C(w.POST(`/v1/callbacks/secret/rotate`)),j(`callbacks`),M(e.rotated,`good`)},children:e.rotate})]}):u(x,{error:t.error,again:t.again})}function ce({close:e}){let n=l().operate.callbacks,[r,i]=p(``),[a,o]=p(``),s=e=>new Date(e).toISOString(),c=e=>C(w.POST(`/v1/callbacks/replay`,{body:{from:e,...a?{to:s(a)}:{}}}));return u(v,{title:n.replay,close:e,children:u(y,{send:n.replaySend,cancel:e,act:async()=>{let[t,i]=[s(r),0];for(;t;){let e=await c(t);i+=e.deliveries,t=e.next_from===t?null:e.next_from}j(`deliveries`),M(n.replayed(i),`good`),e()},children:[u(`p`,{class:`muted`,children:n.replayWords}),u(O,{label:n.from,value:r,change:i,type:`datetime-local`,required:!0}),u(O,{label:n.to,value:a,change:o,type:`datetime-local`,hint:n.toHint}),r&&u(t,{act:()=>c(s(r))})]})})}var le=e=>{let t=e.attempts.at(-1);return t?t.error||`${t.status??`–`} ${t.answer.slice(0,40)}`:`–`},Z=[`on_publish`,`on_unpublish`,`on_record_begin`,`on_record_end`,`recording_updated`],Q=[`pending`,`delivered`,`refused`,`dead`],$=50;function ue(){let e=N(),t={state:Q.find(t=>t===e.state)??``,kind:Z.find(t=>t===e.kind)??``,stream:e.stream??``,since:e.since??``,until:e.until??``};return{wanted:t,filtered:Object.values(t).some(Boolean)}}function de({wanted:t}){let n=l().operate.callbacks,{route:r}=e(),i=e=>n=>r(ee({...t,[e]:n}),!0),a={value:``,label:n.any};return u(`div`,{class:`row filters`,children:[u(O,{label:l().recordings.state,value:t.state,change:i(`state`),options:[a,...Q.map(e=>({value:e,label:l().callbacks.states[e]??e}))]}),u(O,{label:l().callbacks.event,value:t.kind,change:i(`kind`),options:[a,...Z.map(e=>({value:e,label:e}))]}),u(O,{label:l().recordings.stream,value:t.stream,change:i(`stream`),type:`search`,placeholder:`live/show`}),u(O,{label:n.since,value:t.since,change:i(`since`),type:`datetime-local`}),u(O,{label:n.until,value:t.until,change:i(`until`),type:`datetime-local`})]})}function fe({id:t}){let r=l().callbacks,o=l().operate.callbacks,{route:s}=e(),{wanted:c,filtered:d}=ue(),[f,m]=p(!1),h=e=>e&&!Number.isNaN(Date.parse(e))?new Date(e).toISOString():void 0,v={limit:$,kind:c.kind,stream:c.stream,...c.state?{state:c.state}:{},...h(c.since)?{since:h(c.since)}:{},...h(c.until)?{until:h(c.until)}:{}},y=n(`deliveries`,JSON.stringify(v),$,(e,t)=>C(w.GET(`/v1/deliveries`,{params:{query:{...v,...e?{cursor:e}:{}}},signal:t})),3e3),S=g([`deliveries`,t],e=>C(w.GET(`/v1/deliveries/{delivery}`,{params:{path:{delivery:t}},signal:e})),{enabled:t!==``,every:2e3});return u(T,{title:r.title,action:u(k,{press:()=>m(!0),children:o.replay}),children:[u(`div`,{class:`columns`,children:[u(oe,{}),u(se,{})]}),u(`h2`,{children:r.deliveries}),u(de,{wanted:c}),!y.items&&u(x,{error:y.asked.error,again:y.asked.again}),y.items?.length===0&&!y.next&&u(D,{words:d?o.noneFound:r.none}),(y.items?.length??0)>0&&u(i,{label:r.deliveries,rows:y.items??[],columns:[{head:r.event,cell:e=>u(`a`,{href:_(`callbacks/${e.id}`),children:e.action})},{head:l().recordings.state,cell:e=>u(A,{tone:L[e.state]??`grey`,children:r.states[e.state]??e.state})},{head:l().recordings.stream,cell:e=>e.stream||`–`},{head:r.made,cell:e=>u(b,{at:e.created_at})},{head:r.tries,cell:e=>e.attempts.length,number:!0},{head:o.lastAnswer,cell:e=>le(e)}]}),u(a,{of:y}),f&&u(ce,{close:()=>m(!1)}),u(re,{}),t&&!S.data&&S.error&&u(`p`,{class:`why`,role:`alert`,children:S.error.status===404?o.gone:S.error.message}),t&&S.data&&u(W,{delivery:S.data,close:()=>s(_(`callbacks`))})]})}export{fe as Callbacks};