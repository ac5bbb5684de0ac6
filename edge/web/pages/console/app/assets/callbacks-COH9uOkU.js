import{C as e,N as t,S as n,_ as r,b as i,h as a,v as o,x as s,y as c}from"./index-jLDoBy33.js";import{D as l,c as u,m as d,p as f,t as p,u as m,w as h,x as g}from"./jsxRuntime-DvApn2it.js";import{D as _,E as v,L as y,M as b,O as x,P as S,S as C,a as w,c as T,d as E,f as D,i as O,l as ee,m as k,n as te,o as A,q as j,s as M,t as N,u as P,y as F}from"./parts-2K3l38Nf.js";import{n as ne,t as re}from"./address-CEOUqBps.js";import{t as ie}from"./draft-Dr_kAbIX.js";var I=400;function L(e,t){let[n,r]=[e.split(`
`),t.split(`
`)];if(e===t)return n.map(e=>({kind:` `,text:e}));if(n.length>I||r.length>I)return[...n.map(e=>({kind:`-`,text:e})),...r.map(e=>({kind:`+`,text:e}))];let i=Array.from({length:n.length+1},()=>new Uint16Array(r.length+1)),a=(e,t)=>i[e]?.[t]??0;for(let e=n.length-1;e>=0;e--)for(let t=r.length-1;t>=0;t--)i[e][t]=n[e]===r[t]?a(e+1,t+1)+1:Math.max(a(e+1,t),a(e,t+1));let o=[],[s,c]=[0,0];for(;s<n.length||c<r.length;)s<n.length&&c<r.length&&n[s]===r[c]?(o.push({kind:` `,text:n[s++]}),c++):c>=r.length||s<n.length&&a(s+1,c)>=a(s,c+1)?o.push({kind:`-`,text:n[s++]}):o.push({kind:`+`,text:r[c++]});return o}function R(e){try{return JSON.stringify(JSON.parse(e),null,2)}catch{return e}}var z={pending:`blue`,delivered:`green`,refused:`amber`,dead:`red`},B=e=>Object.entries(e).map(([e,t])=>`${e}: ${t}`).join(`
`),V=e=>e?.sent_body?`POST\n${B(e.sent_headers)}\n\n${R(e.sent_body)}`:``,H=e=>e?e.status===null?m(e.error_code,e.error):`${e.status}\n${B(e.headers)}\n\n${R(e.answer)}`:``,ae={" ":`same`,"-":`gone`,"+":`new`};function U({title:e,before:t,after:n}){let r=f().operate.callbacks,i=t?L(t,n):n.split(`
`).map(e=>({kind:` `,text:e}));return p(`section`,{class:`compared`,children:[p(`h4`,{children:e}),n?p(`pre`,{tabIndex:0,"aria-label":e,children:i.map((e,n)=>p(`span`,{class:`line ${ae[e.kind]}`,children:[e.kind!==` `&&p(`span`,{class:`offscreen`,children:e.kind===`+`?r.added:r.taken}),t?`${e.kind} `:``,e.text||` `]},n))}):p(`p`,{class:`muted`,children:`–`})]})}function W({delivery:e}){let t=f().operate.callbacks,{attempts:n}=e,[r,i]=h(0),a=r||n.length,[o,s]=[n[a-1],n[a-2]];return o?p(l,{children:[p(M,{label:t.attempt,value:String(a),change:e=>i(Number(e)),options:n.map(e=>({value:String(e.attempt),label:`${e.attempt}: ${e.status??m(e.error_code,e.error)} · ${e.duration_ms} ms`}))}),p(`p`,{class:`hint`,children:[p(E,{at:o.at}),` · `,o.duration_ms,` ms · `,s?t.comparedWith(a-1):t.first]}),p(`div`,{class:`columns`,children:[p(U,{title:t.request,before:V(s),after:V(o)}),p(U,{title:t.answer,before:H(s),after:H(o)})]})]}):null}function G(e){let t=e.attempts.at(-1),n=t?.sent_body||JSON.stringify(e.payload),r=t?.sent_headers[`webhook-id`]??e.id;return[`curl -X POST`,`-H 'Content-Type: application/json'`,`-H ${y(`webhook-id: ${r}`)}`,`-d ${y(n)}`,`"$CALLBACK_URL"`].join(` \\
  `)}function K({delivery:n,close:r}){let i=f().callbacks,a=f().operate.callbacks,{route:o}=t(),s=()=>S(b.POST(`/v1/deliveries/{delivery}/resend`,{params:{path:{delivery:n.id}}}));return p(w,{title:n.action,close:r,wide:!0,children:[p(`div`,{class:`body`,children:[p(`p`,{class:`states`,children:p(P,{tone:z[n.state]??`grey`,children:i.states[n.state]??n.state})}),n.note&&p(`p`,{class:`why`,children:p(k,{of:d(n.note_code,n.note)})}),p(`dl`,{class:`facts`,children:[p(`dt`,{children:i.url}),p(`dd`,{children:n.target||`–`}),p(`dt`,{children:f().recordings.stream}),p(`dd`,{children:n.stream||`–`}),p(`dt`,{children:f().life.lanes.recording}),p(`dd`,{children:n.recording?p(`a`,{href:j(`recordings/${n.recording}`),onClick:e=>{e.preventDefault(),o(j(`recordings/${n.recording??``}`))},children:n.recording}):`–`}),p(`dt`,{children:a.event}),p(`dd`,{children:n.event||`–`}),p(`dt`,{children:i.made}),p(`dd`,{children:p(E,{at:n.created_at})}),p(`dt`,{children:i.next}),p(`dd`,{children:p(E,{at:n.due_at})})]}),p(`h3`,{children:i.attempts(n.attempts.length)}),p(W,{delivery:n},n.id),p(`details`,{children:[p(`summary`,{children:i.sent}),p(`pre`,{tabIndex:0,children:JSON.stringify(n.payload,null,2)})]}),p(O,{label:`curl`,text:G(n)}),p(`p`,{class:`hint`,children:a.curlHint}),n.action!==`on_publish`&&p(e,{act:s})]}),p(`footer`,{children:n.action===`on_publish`?p(`p`,{class:`hint`,children:a.notResendable}):p(N,{kind:`primary`,press:async()=>{await s(),_(`deliveries`),F(i.resent,`good`)},children:i.resend})})]})}var q=300;function oe(e){let t={};try{let n=JSON.parse(e);if(typeof n==`object`&&n)for(let[e,r]of Object.entries(n))t[e.toLowerCase()]=String(r);return t}catch{}for(let n of e.split(`
`)){let e=n.indexOf(`:`);e>0&&(t[n.slice(0,e).trim().toLowerCase()]=n.slice(e+1).trim())}return t}async function J(e,t,r,a){let o=i(e.trim().replace(/^whsec_/,``));return o&&o.length>0?`v1,${c(await s(o,n(`${t}.${r}.${a}`)))}`:null}async function se(e,t,n,r){let[i,a,o]=[t[`webhook-id`],t[`webhook-timestamp`],t[`webhook-signature`]];if(!i||!a||!o||!/^\d+$/.test(a))return`no_headers`;let s=await J(e,i,a,n);if(!s)return`no_secret`;let c=e=>o.split(/\s+/).includes(e);if(!c(s)){let t=await J(e,i,a,n.trim());return t&&c(t)?`wrong_but_trimmed`:`wrong`}let l=r/1e3-Number(a);return l>q?`too_old`:l<-300?`too_new`:`valid`}function Y(e){let t=g();return p(`div`,{class:`field`,children:[p(`label`,{for:t,children:e.label}),p(`textarea`,{id:t,rows:e.rows,value:e.value,spellcheck:!1,"aria-describedby":e.hint?`${t}-hint`:void 0,onInput:t=>e.change(t.currentTarget.value)}),e.hint&&p(`p`,{id:`${t}-hint`,class:`hint`,children:e.hint})]})}var X={Python:`"""Checks that a callback is ours."""

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
`};function ce(){let e=f().operate.verify,[t,n]=h(``),[r,i]=h(``),[a,o]=h(``),[s,c]=h(null),[l,u]=h(`Python`),d=e=>t=>{c(null),e(t)};return p(`section`,{class:`card pad`,children:[p(`h2`,{children:e.title}),p(`p`,{class:`muted`,children:e.words}),p(T,{send:e.check,act:async()=>c(await se(t,oe(r),a,Date.now())),children:[p(M,{label:f().callbacks.secret,value:t,change:d(n),type:`password`,placeholder:`whsec_…`}),p(Y,{label:e.headers,value:r,change:d(i),hint:e.headersHint,rows:3}),p(Y,{label:e.body,value:a,change:d(o),hint:e.bodyHint,rows:4})]}),s&&p(`div`,{role:`status`,children:[p(P,{tone:s===`valid`?`green`:`red`,children:s===`valid`?e.valid:e.invalid}),p(`p`,{class:s===`valid`?``:`why`,children:e.verdicts[s]})]}),p(`details`,{children:[p(`summary`,{children:e.code}),p(M,{label:e.language,value:l,change:e=>u(e),options:Object.keys(X).map(e=>({value:e,label:e}))}),p(`div`,{class:`code`,children:p(O,{label:l,text:X[l]})})]})]})}function le(e){let t=f().operate.callbacks;return e.disabled_reason?t.switchedOff(m(`target_gone`,e.disabled_reason)):e.warning?e.target.startsWith(`https:`)?t.notVerified:t.unencrypted:``}function ue({trial:e}){let t=f().callbacks,n=f().operate.trial;return p(`div`,{role:`status`,children:[p(P,{tone:e.ok?`green`:`red`,children:e.ok?t.works:t.fails}),p(`p`,{children:e.step===`status`&&e.status!==null?n.status(e.status):n.steps[e.step]}),e.hint&&p(`details`,{children:[p(`summary`,{class:`hint`,children:n.details}),p(`p`,{class:`why`,children:p(k,{of:u(`${e.explanation} ${e.hint}`)})})]})]})}function de(){let e=f().callbacks,t=x([`settings`,`callbacks`],e=>S(b.GET(`/v1/settings/callbacks`,{signal:e}))),{draft:n,write:r,saved:i}=ie(t.data),[a,o]=h(null);if(!n)return p(D,{error:t.error,again:t.again});let{enabled:s,target:c,version:l}=n;return p(`section`,{class:`card pad`,children:[p(`h2`,{children:e.target}),p(T,{send:f().common.save,act:async()=>{await S(b.PATCH(`/v1/settings/callbacks`,{body:{enabled:s,target:c,version:l}})),await v.invalidateQueries({queryKey:[`settings`]}),i(),F(f().settings.saved,`good`)},children:[p(te,{label:e.enabled,value:s,change:e=>r({...n,enabled:e})}),p(M,{label:e.url,value:c,change:e=>r({...n,target:e}),placeholder:`https://example.com/hook`,hint:le(n)||e.urlHint})]}),p(N,{press:async()=>o(await S(b.POST(`/v1/callbacks/check`,{body:c?{target:c}:{}}))),children:e.check}),a&&p(ue,{trial:a})]})}function fe(){let e=f().callbacks,t=x([`callbacks`,`secret`],e=>S(b.GET(`/v1/callbacks/secret`,{signal:e})));return t.data?p(`section`,{class:`card pad`,children:[p(`h2`,{children:e.signing}),p(`p`,{class:`muted`,children:e.signingWords}),p(O,{label:e.secret,text:t.data.secret,secret:t.data.secret}),p(N,{press:async()=>{await S(b.POST(`/v1/callbacks/secret/rotate`)),_(`callbacks`),F(e.rotated,`good`)},children:e.rotate})]}):p(D,{error:t.error,again:t.again})}function pe({close:t}){let n=f().operate.callbacks,[r,i]=h(``),[a,o]=h(``),s=e=>new Date(e).toISOString(),c=e=>S(b.POST(`/v1/callbacks/replay`,{body:{from:e,...a?{to:s(a)}:{}}}));return p(w,{title:n.replay,close:t,children:p(T,{send:n.replaySend,cancel:t,act:async()=>{let[e,i]=[s(r),0];for(;e;){let t=await c(e);i+=t.deliveries,e=t.next_from===e?null:t.next_from}_(`deliveries`),F(n.replayed(i),`good`),t()},children:[p(`p`,{class:`muted`,children:n.replayWords}),p(M,{label:n.from,value:r,change:i,type:`datetime-local`,required:!0}),p(M,{label:n.to,value:a,change:o,type:`datetime-local`,hint:n.toHint}),r&&p(e,{act:()=>c(s(r))})]})})}var me=e=>{let t=e.attempts.at(-1);return t?m(t.error_code,t.error)||`${t.status??`–`} ${t.answer.slice(0,40)}`:`–`},Z=[`on_publish`,`on_unpublish`,`on_record_begin`,`on_record_end`,`recording_updated`],Q=[`pending`,`delivered`,`refused`,`dead`],$=50;function he(){let e=ne(),t={state:Q.find(t=>t===e.state)??``,kind:Z.find(t=>t===e.kind)??``,stream:e.stream??``,since:e.since??``,until:e.until??``};return{wanted:t,filtered:Object.values(t).some(Boolean)}}function ge({wanted:e}){let n=f().operate.callbacks,{route:r}=t(),i=t=>n=>r(re({...e,[t]:n}),!0),a={value:``,label:n.any};return p(`div`,{class:`row filters`,children:[p(M,{label:f().recordings.state,value:e.state,change:i(`state`),options:[a,...Q.map(e=>({value:e,label:f().callbacks.states[e]??e}))]}),p(M,{label:f().callbacks.event,value:e.kind,change:i(`kind`),options:[a,...Z.map(e=>({value:e,label:e}))]}),p(M,{label:f().recordings.stream,value:e.stream,change:i(`stream`),type:`search`,placeholder:`live/show`}),p(M,{label:n.since,value:e.since,change:i(`since`),type:`datetime-local`}),p(M,{label:n.until,value:e.until,change:i(`until`),type:`datetime-local`})]})}function _e({id:e}){let n=f().callbacks,i=f().operate.callbacks,{route:s}=t(),{wanted:c,filtered:l}=he(),[u,d]=h(!1),m=e=>e&&!Number.isNaN(Date.parse(e))?new Date(e).toISOString():void 0,g={limit:$,kind:c.kind,stream:c.stream,...c.state?{state:c.state}:{},...m(c.since)?{since:m(c.since)}:{},...m(c.until)?{until:m(c.until)}:{}},_=o(`deliveries`,JSON.stringify(g),$,(e,t)=>S(b.GET(`/v1/deliveries`,{params:{query:{...g,...e?{cursor:e}:{}}},signal:t})),3e3),v=x([`deliveries`,e],t=>S(b.GET(`/v1/deliveries/{delivery}`,{params:{path:{delivery:e}},signal:t})),{enabled:e!==``,every:2e3});return p(ee,{title:n.title,action:p(N,{press:()=>d(!0),children:i.replay}),children:[p(`div`,{class:`columns`,children:[p(de,{}),p(fe,{})]}),p(`h2`,{children:n.deliveries}),p(ge,{wanted:c}),!_.items&&p(D,{error:_.asked.error,again:_.asked.again}),_.items?.length===0&&!_.next&&p(A,{words:l?i.noneFound:n.none}),(_.items?.length??0)>0&&p(r,{label:n.deliveries,rows:_.items??[],columns:[{head:n.event,cell:e=>p(`a`,{href:j(`callbacks/${e.id}`),children:e.action})},{head:f().recordings.state,cell:e=>p(P,{tone:z[e.state]??`grey`,children:n.states[e.state]??e.state})},{head:f().recordings.stream,cell:e=>e.stream||`–`},{head:n.made,cell:e=>p(E,{at:e.created_at})},{head:n.tries,cell:e=>e.attempts.length,number:!0},{head:i.lastAnswer,cell:e=>me(e)}]}),p(a,{of:_}),u&&p(pe,{close:()=>d(!1)}),p(ce,{}),e&&!v.data&&v.error&&p(`p`,{class:`why`,role:`alert`,children:v.error.status===404?i.gone:C(v.error)}),e&&v.data&&p(K,{delivery:v.data,close:()=>s(j(`callbacks`))})]})}export{_e as Callbacks};