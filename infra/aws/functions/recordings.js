// Viewer request to /recordings/*: whoever has a token in the path reads that one recording's files until it expires.
// The token is that of chalicelib/domain/links.py; what passes goes to the bucket without it, so that all viewers share
// one cached copy. CloudFront Functions, runtime 2.0; at most 10 KB.
import cf from 'cloudfront';
import crypto from 'crypto';

const LINK =
  /^\/recordings\/([0-9a-f]{8,12})-([0-9a-f]{40})\/([0-9a-f-]{36})\/((?:index(?:-[2-9]|-[1-9][0-9]{1,3})?\.mp4|thumbnail\.jpg|manifest\.json)|[0-9a-zA-Z-]{1,64}\/[0-9A-Za-z]{26}\/[0-9]{8}-[0-9]{1,7}(?:-d)?\.ts)$/;

function refused(status, words, code, detail) {
  const body = JSON.stringify({ type: 'about:blank', title: words, status: status, detail: detail, code: code, params: {} });
  return {
    statusCode: status,
    statusDescription: words,
    headers: {
      'content-type': { value: 'application/problem+json' },
      'cache-control': { value: 'no-store' },
      'access-control-allow-origin': { value: '*' },
    },
    body: { encoding: 'text', data: body },
  };
}

// In the same time whatever is equal.
function same(one, other) {
  let differs = one.length ^ other.length;
  for (let i = 0; i < one.length && i < other.length; i++) differs |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return differs === 0;
}

async function handler(event) {
  const request = event.request;
  const found = LINK.exec(request.uri);
  if (!found) return refused(404, 'Not Found', 'not_found', 'a recording has no such file');
  const expires = found[1], recording = found[3];
  const key = await cf.kvs().get('recordings');
  const seal = crypto.createHmac('sha256', key).update(recording + ':' + expires).digest('hex').slice(0, 40);
  if (!same(seal, found[2]) || Date.now() / 1000 >= parseInt(expires, 16)) {
    return refused(403, 'Forbidden', 'link_invalid', 'the link is not valid or has expired; ask for a new one');
  }
  request.uri = '/recordings/' + recording + '/' + found[4];
  return request;
}
