// Viewer response of /recordings/*: with ?download=<name>, browsers save the file under that name (RFC 6266, appendix D).
function handler(event) {
  const response = event.response;
  const asked = event.request.querystring.download;
  if (!asked || !asked.value || response.statusCode >= 300) return response;
  let name;
  try {
    name = decodeURIComponent(asked.value.replace(/\+/g, '%20'));
  } catch (error) {
    return response;
  }
  name = name.replace(/[\x00-\x1f\x7f-\x9f"\\\/:*?<>|%\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g, '-').slice(0, 200).replace(/[\ud800-\udbff]$/, '');
  const plain = name.replace(/[^\x20-\x7e]/g, '_');
  const other = plain === name ? '' : "; filename*=UTF-8''" + encodeURIComponent(name).replace(/['()*]/g, (c) => '%' + c.charCodeAt(0).toString(16));
  response.headers['content-disposition'] = { value: 'attachment; filename="' + plain + '"' + other };
  return response;
}
