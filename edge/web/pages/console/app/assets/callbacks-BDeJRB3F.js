import{C as e,N as t,S as n,_ as r,b as i,h as a,v as o,x as s,y as c}from"./index-CPPLVUeQ.js";import{c as l,d as u,t as d,v as f,w as p,x as m}from"./jsxRuntime-CwK1yvmB.js";import{C as h,P as g,T as _,W as v,a as y,c as b,d as x,f as S,i as C,j as w,k as T,l as ee,n as E,o as te,p as ne,s as D,t as O,u as k,w as A,y as j}from"./parts-D1PhcuIR.js";import{n as re,t as ie}from"./address-qaHbO1jv.js";import{t as M}from"./draft-Dn-VFa6s.js";var N=400;function ae(e,t){let[n,r]=[e.split(`
`),t.split(`
`)];if(e===t)return n.map(e=>({kind:` `,text:e}));if(n.length>N||r.length>N)return[...n.map(e=>({kind:`-`,text:e})),...r.map(e=>({kind:`+`,text:e}))];let i=Array.from({length:n.length+1},()=>new Uint16Array(r.length+1)),a=(e,t)=>i[e]?.[t]??0;for(let e=n.length-1;e>=0;e--)for(let t=r.length-1;t>=0;t--)i[e][t]=n[e]===r[t]?a(e+1,t+1)+1:Math.max(a(e+1,t),a(e,t+1));let o=[],[s,c]=[0,0];for(;s<n.length||c<r.length;)s<n.length&&c<r.length&&n[s]===r[c]?(o.push({kind:` `,text:n[s++]}),c++):c>=r.length||s<n.length&&a(s+1,c)>=a(s,c+1)?o.push({kind:`-`,text:n[s++]}):o.push({kind:`+`,text:r[c++]});return o}function P(e){try{return JSON.stringify(JSON.parse(e),null,2)}catch{return e}}var F={pending:`blue`,delivered:`green`,refused:`amber`,dead:`red`},I=e=>Object.entries(e).map(([e,t])=>`${e}: ${t}`).join(`
`),L=e=>e?.sent_body?`POST\n${I(e.sent_headers)}\n\n${P(e.sent_body)}`:``,R=e=>e?e.status===null?l(e.error_code,e.error):`${e.status}\n${I(e.headers)}\n\n${P(e.answer)}`:``,z={" ":`same`,"-":`gone`,"+":`new`};function B({title:e,before:t,after:n}){let r=u().operate.callbacks,i=t?ae(t,n):n.split(`
`).map(e=>({kind:` `,text:e}));return d(`section`,{class:`compared`,children:[d(`h4`,{children:e}),n?d(`pre`,{tabIndex:0,"aria-label":e,children:i.map((e,n)=>d(`span`,{class:`line ${z[e.kind]}`,children:[e.kind!==` `&&d(`span`,{class:`offscreen`,children:e.kind===`+`?r.added:r.taken}),t?`${e.kind} `:``,e.text||` `]},n))}):d(`p`,{class:`muted`,children:`–`})]})}function V({delivery:e}){let t=u().operate.callbacks,{attempts:n}=e,[r,i]=m(0),a=r||n.length,[o,s]=[n[a-1],n[a-2]];return o?d(p,{children:[d(D,{label:t.attempt,value:String(a),change:e=>i(Number(e)),options:n.map(e=>({value:String(e.attempt),label:`${e.attempt}: ${e.status??l(e.error_code,e.error)} · ${e.duration_ms} ms`}))}),d(`p`,{class:`hint`,children:[d(x,{at:o.at}),` · `,o.duration_ms,` ms · `,s?t.comparedWith(a-1):t.first]}),d(`div`,{class:`columns`,children:[d(B,{title:t.request,before:L(s),after:L(o)}),d(B,{title:t.answer,before:R(s),after:R(o)})]})]}):null}function H(e){let t=e.attempts.at(-1),n=t?.sent_body||JSON.stringify(e.payload),r=t?.sent_headers[`webhook-id`]??e.id;return[`curl -X POST`,`-H 'Content-Type: application/json'`,`-H ${g(`webhook-id: ${r}`)}`,`-d ${g(n)}`,`"$CALLBACK_URL"`].join(` \\
  `)}function U({delivery:n,close:r}){let i=u().callbacks,a=u().operate.callbacks,{route:o}=t(),s=()=>w(T.POST(`/v1/deliveries/{delivery}/resend`,{params:{path:{delivery:n.id}}}));return d(y,{title:n.action,close:r,wide:!0,children:[d(`div`,{class:`body`,children:[d(`p`,{class:`states`,children:d(k,{tone:F[n.state]??`grey`,children:i.states[n.state]??n.state})}),n.note&&d(`p`,{class:`why`,children:l(n.note_code,n.note)}),d(`dl`,{class:`facts`,children:[d(`dt`,{children:i.url}),d(`dd`,{children:n.target||`–`}),d(`dt`,{children:u().recordings.stream}),d(`dd`,{children:n.stream||`–`}),d(`dt`,{children:u().life.lanes.recording}),d(`dd`,{children:n.recording?d(`a`,{href:v(`recordings/${n.recording}`),onClick:e=>{e.preventDefault(),o(v(`recordings/${n.recording??``}`))},children:n.recording}):`–`}),d(`dt`,{children:a.event}),d(`dd`,{children:n.event||`–`}),d(`dt`,{children:i.made}),d(`dd`,{children:d(x,{at:n.created_at})}),d(`dt`,{children:i.next}),d(`dd`,{children:d(x,{at:n.due_at})})]}),d(`h3`,{children:i.attempts(n.attempts.length)}),d(V,{delivery:n},n.id),d(`details`,{children:[d(`summary`,{children:i.sent}),d(`pre`,{tabIndex:0,children:JSON.stringify(n.payload,null,2)})]}),d(C,{label:`curl`,text:H(n)}),d(`p`,{class:`hint`,children:a.curlHint}),n.action!==`on_publish`&&d(e,{act:s})]}),d(`footer`,{children:n.action===`on_publish`?d(`p`,{class:`hint`,children:a.notResendable}):d(O,{kind:`primary`,press:async()=>{await s(),A(`deliveries`),j(i.resent,`good`)},children:i.resend})})]})}var W=300;function G(e){let t={};try{let n=JSON.parse(e);if(typeof n==`object`&&n)for(let[e,r]of Object.entries(n))t[e.toLowerCase()]=String(r);return t}catch{}for(let n of e.split(`
`)){let e=n.indexOf(`:`);e>0&&(t[n.slice(0,e).trim().toLowerCase()]=n.slice(e+1).trim())}return t}async function K(e,t,r,a){let o=i(e.trim().replace(/^whsec_/,``));return o&&o.length>0?`v1,${c(await s(o,n(`${t}.${r}.${a}`)))}`:null}async function q(e,t,n,r){let[i,a,o]=[t[`webhook-id`],t[`webhook-timestamp`],t[`webhook-signature`]];if(!i||!a||!o||!/^\d+$/.test(a))return`no_headers`;let s=await K(e,i,a,n);if(!s)return`no_secret`;let c=e=>o.split(/\s+/).includes(e);if(!c(s)){let t=await K(e,i,a,n.trim());return t&&c(t)?`wrong_but_trimmed`:`wrong`}let l=r/1e3-Number(a);return l>W?`too_old`:l<-300?`too_new`:`valid`}function J(e){let t=f();return d(`div`,{class:`field`,children:[d(`label`,{for:t,children:e.label}),d(`textarea`,{id:t,rows:e.rows,value:e.value,spellcheck:!1,"aria-describedby":e.hint?`${t}-hint`:void 0,onInput:t=>e.change(t.currentTarget.value)}),e.hint&&d(`p`,{id:`${t}-hint`,class:`hint`,children:e.hint})]})}var Y={Python:`"""Checks that a callback is ours."""

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
`};function oe(){let e=u().operate.verify,[t,n]=m(``),[r,i]=m(``),[a,o]=m(``),[s,c]=m(null),[l,f]=m(`Python`),p=e=>t=>{c(null),e(t)};return d(`section`,{class:`card pad`,children:[d(`h2`,{children:e.title}),d(`p`,{class:`muted`,children:e.words}),d(b,{send:e.check,act:async()=>c(await q(t,G(r),a,Date.now())),children:[d(D,{label:u().callbacks.secret,value:t,change:p(n),type:`password`,placeholder:`whsec_…`}),d(J,{label:e.headers,value:r,change:p(i),hint:e.headersHint,rows:3}),d(J,{label:e.body,value:a,change:p(o),hint:e.bodyHint,rows:4})]}),s&&d(`div`,{role:`status`,children:[d(k,{tone:s===`valid`?`green`:`red`,children:s===`valid`?e.valid:e.invalid}),d(`p`,{class:s===`valid`?``:`why`,children:e.verdicts[s]})]}),d(`details`,{children:[d(`summary`,{children:e.code}),d(D,{label:e.language,value:l,change:e=>f(e),options:Object.keys(Y).map(e=>({value:e,label:e}))}),d(`div`,{class:`code`,children:d(C,{label:l,text:Y[l]})})]})]})}function se(e){let t=u().operate.callbacks;return e.disabled_reason?t.switchedOff(l(`target_gone`,e.disabled_reason)):e.warning?e.target.startsWith(`https:`)?t.notVerified:t.unencrypted:``}function ce({trial:e}){let t=u().callbacks,n=u().operate.trial;return d(`div`,{role:`status`,children:[d(k,{tone:e.ok?`green`:`red`,children:e.ok?t.works:t.fails}),d(`p`,{children:e.step===`status`&&e.status!==null?n.status(e.status):n.steps[e.step]}),e.hint&&d(`details`,{children:[d(`summary`,{class:`hint`,children:n.details}),d(`p`,{class:`why`,children:[e.explanation,` `,e.hint]})]})]})}function le(){let e=u().callbacks,t=_([`settings`,`callbacks`],e=>w(T.GET(`/v1/settings/callbacks`,{signal:e}))),{draft:n,write:r,saved:i}=M(t.data),[a,o]=m(null);if(!n)return d(S,{error:t.error,again:t.again});let{enabled:s,target:c,version:l}=n;return d(`section`,{class:`card pad`,children:[d(`h2`,{children:e.target}),d(b,{send:u().common.save,act:async()=>{await w(T.PATCH(`/v1/settings/callbacks`,{body:{enabled:s,target:c,version:l}})),await h.invalidateQueries({queryKey:[`settings`]}),i(),j(u().settings.saved,`good`)},children:[d(E,{label:e.enabled,value:s,change:e=>r({...n,enabled:e})}),d(D,{label:e.url,value:c,change:e=>r({...n,target:e}),placeholder:`https://example.com/hook`,hint:se(n)||e.urlHint})]}),d(O,{press:async()=>o(await w(T.POST(`/v1/callbacks/check`,{body:c?{target:c}:{}}))),children:e.check}),a&&d(ce,{trial:a})]})}function X(){let e=u().callbacks,t=_([`callbacks`,`secret`],e=>w(T.GET(`/v1/callbacks/secret`,{signal:e})));return t.data?d(`section`,{class:`card pad`,children:[d(`h2`,{children:e.signing}),d(`p`,{class:`muted`,children:e.signingWords}),d(C,{label:e.secret,text:t.data.secret,secret:t.data.secret}),d(O,{press:async()=>{await w(T.POST(`/v1/callbacks/secret/rotate`)),A(`callbacks`),j(e.rotated,`good`)},children:e.rotate})]}):d(S,{error:t.error,again:t.again})}function ue({close:t}){let n=u().operate.callbacks,[r,i]=m(``),[a,o]=m(``),s=e=>new Date(e).toISOString(),c=e=>w(T.POST(`/v1/callbacks/replay`,{body:{from:e,...a?{to:s(a)}:{}}}));return d(y,{title:n.replay,close:t,children:d(b,{send:n.replaySend,cancel:t,act:async()=>{let[e,i]=[s(r),0];for(;e;){let t=await c(e);i+=t.deliveries,e=t.next_from===e?null:t.next_from}A(`deliveries`),j(n.replayed(i),`good`),t()},children:[d(`p`,{class:`muted`,children:n.replayWords}),d(D,{label:n.from,value:r,change:i,type:`datetime-local`,required:!0}),d(D,{label:n.to,value:a,change:o,type:`datetime-local`,hint:n.toHint}),r&&d(e,{act:()=>c(s(r))})]})})}var de=e=>{let t=e.attempts.at(-1);return t?l(t.error_code,t.error)||`${t.status??`–`} ${t.answer.slice(0,40)}`:`–`},Z=[`on_publish`,`on_unpublish`,`on_record_begin`,`on_record_end`,`recording_updated`],Q=[`pending`,`delivered`,`refused`,`dead`],$=50;function fe(){let e=re(),t={state:Q.find(t=>t===e.state)??``,kind:Z.find(t=>t===e.kind)??``,stream:e.stream??``,since:e.since??``,until:e.until??``};return{wanted:t,filtered:Object.values(t).some(Boolean)}}function pe({wanted:e}){let n=u().operate.callbacks,{route:r}=t(),i=t=>n=>r(ie({...e,[t]:n}),!0),a={value:``,label:n.any};return d(`div`,{class:`row filters`,children:[d(D,{label:u().recordings.state,value:e.state,change:i(`state`),options:[a,...Q.map(e=>({value:e,label:u().callbacks.states[e]??e}))]}),d(D,{label:u().callbacks.event,value:e.kind,change:i(`kind`),options:[a,...Z.map(e=>({value:e,label:e}))]}),d(D,{label:u().recordings.stream,value:e.stream,change:i(`stream`),type:`search`,placeholder:`live/show`}),d(D,{label:n.since,value:e.since,change:i(`since`),type:`datetime-local`}),d(D,{label:n.until,value:e.until,change:i(`until`),type:`datetime-local`})]})}function me({id:e}){let n=u().callbacks,i=u().operate.callbacks,{route:s}=t(),{wanted:c,filtered:l}=fe(),[f,p]=m(!1),h=e=>e&&!Number.isNaN(Date.parse(e))?new Date(e).toISOString():void 0,g={limit:$,kind:c.kind,stream:c.stream,...c.state?{state:c.state}:{},...h(c.since)?{since:h(c.since)}:{},...h(c.until)?{until:h(c.until)}:{}},y=o(`deliveries`,JSON.stringify(g),$,(e,t)=>w(T.GET(`/v1/deliveries`,{params:{query:{...g,...e?{cursor:e}:{}}},signal:t})),3e3),b=_([`deliveries`,e],t=>w(T.GET(`/v1/deliveries/{delivery}`,{params:{path:{delivery:e}},signal:t})),{enabled:e!==``,every:2e3});return d(ee,{title:n.title,action:d(O,{press:()=>p(!0),children:i.replay}),children:[d(`div`,{class:`columns`,children:[d(le,{}),d(X,{})]}),d(`h2`,{children:n.deliveries}),d(pe,{wanted:c}),!y.items&&d(S,{error:y.asked.error,again:y.asked.again}),y.items?.length===0&&!y.next&&d(te,{words:l?i.noneFound:n.none}),(y.items?.length??0)>0&&d(r,{label:n.deliveries,rows:y.items??[],columns:[{head:n.event,cell:e=>d(`a`,{href:v(`callbacks/${e.id}`),children:e.action})},{head:u().recordings.state,cell:e=>d(k,{tone:F[e.state]??`grey`,children:n.states[e.state]??e.state})},{head:u().recordings.stream,cell:e=>e.stream||`–`},{head:n.made,cell:e=>d(x,{at:e.created_at})},{head:n.tries,cell:e=>e.attempts.length,number:!0},{head:i.lastAnswer,cell:e=>de(e)}]}),d(a,{of:y}),f&&d(ue,{close:()=>p(!1)}),d(oe,{}),e&&!b.data&&b.error&&d(`p`,{class:`why`,role:`alert`,children:b.error.status===404?i.gone:ne(b.error)}),e&&b.data&&d(U,{delivery:b.data,close:()=>s(v(`callbacks`))})]})}export{me as Callbacks};