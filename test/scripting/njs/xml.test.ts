import assert from 'node:assert/strict';
import { test } from 'node:test';
import { xml } from '../../../src/scripting/njs/xml.js';

/** A node as scripts use it: properties are named by the document. */
interface Node {
  // biome-ignore lint/suspicious/noExplicitAny: as in JavaScript
  [name: string]: any;
}

const parse = (text: string): Node => xml.parse(text) as Node;

const NOTE = '<note><to b="bar" a= "foo" >Tove</to><from>Jani</from></note>';

test('elements, attributes and texts are properties', () => {
  const doc = parse(NOTE);
  assert.equal(doc.$root.$name, 'note');
  assert.deepEqual(Object.keys(doc), ['note']);
  assert.equal(doc.none, undefined);
  const { note } = doc;
  assert.equal(note.$text, 'ToveJani');
  assert.equal(note.to.$text, note.$tag$to.$text);
  assert.equal(note.$tags$from[0].$text, 'Jani');
  assert.equal(note.$tags.length, 2);
  assert.deepEqual({ ...note.to.$attrs }, { b: 'bar', a: 'foo' });
  assert.equal(note.to.$attr$b, 'bar');
  assert.equal(note.$attrs, undefined);
  assert.equal(note.$parent, undefined);
  assert.equal(note.to.$parent, note);
  assert.equal(
    JSON.stringify(note),
    '{"$name":"note","$tags":[{"$name":"to","$attrs":{"b":"bar","a":"foo"},"$text":"Tove"},{"$name":"from","$text":"Jani"}]}',
  );
  assert.equal(parse('<n0:pdu xmlns:n0="http://a"/>').pdu.$ns, 'http://a');
});

test('documents are serialized canonically', () => {
  const doc = parse(
    '<n0:pdu xmlns:n0="http://a"><n1:e xmlns:n1="http://b" z="&lt;" a="&quot;"><!-- c -->x&amp;y<b/></n1:e></n0:pdu>',
  );
  const inner = doc.pdu.e;
  assert.equal(
    xml.serializeToString(inner),
    '<n1:e xmlns:n0="http://a" xmlns:n1="http://b" a="&quot;" z="&lt;">x&amp;y<b></b></n1:e>',
  );
  assert.equal(
    xml.exclusiveC14n(inner, null, true).toString(),
    '<n1:e xmlns:n1="http://b" a="&quot;" z="&lt;"><!-- c -->x&amp;y<b></b></n1:e>',
  );
  assert.equal(
    xml.exclusiveC14n(inner, inner.b, false, 'n0').toString(),
    '<n1:e xmlns:n0="http://a" xmlns:n1="http://b" a="&quot;" z="&lt;">x&amp;y</n1:e>',
  );
  const defaults = parse('<a xmlns="urn:x"><b xmlns=""><c xmlns="urn:x"/></b></a>');
  assert.equal(xml.c14n(defaults).toString(), '<a xmlns="urn:x"><b xmlns=""><c xmlns="urn:x"></c></b></a>');
  assert.equal(xml.exclusiveC14n(defaults).toString(), '<a xmlns="urn:x"><b xmlns=""><c xmlns="urn:x"></c></b></a>');
  assert.equal(xml.serializeToString(parse('<?p d?><a>x\r\n</a><!-- c -->')), '<?p d?>\n<a>x\n</a>');
  assert.equal(xml.serializeToString(parse('<a xml:lang="de"><b/></a>').a.b), '<b xml:lang="de"></b>');
});

test('elements are changed, and copies of others added', () => {
  const changed = (change: (note: Node) => void): string => {
    const doc = parse(NOTE);
    change(doc.note);
    return xml.serializeToString(doc);
  };
  assert.equal(
    changed((note) => note.setText('<W&>')),
    '<note>&lt;W&amp;&gt;</note>',
  );
  assert.equal(
    changed((note) => note.to.setAttribute('a', null)),
    '<note><to b="bar">Tove</to><from>Jani</from></note>',
  );
  assert.equal(
    changed((note) => {
      note.to.$attr$c = '"';
      delete note.from;
    }),
    '<note><to a="foo" b="bar" c="&quot;">Tove</to></note>',
  );
  assert.equal(
    changed((note) => note.addChild(parse('<n:x xmlns:n="urn:n"/>'))),
    '<note xmlns:n="urn:n"><to a="foo" b="bar">Tove</to><from>Jani</from><n:x></n:x></note>',
  );
  assert.equal(
    changed((note) => {
      note.$tags = [note.from];
    }),
    '<note><from>Jani</from></note>',
  );
  assert.throws(() => changed((note) => note.to.setAttribute('<', 'x')), { name: 'TypeError' });
  assert.throws(() => changed((note) => note.addChild({})), { name: 'TypeError' });
  assert.throws(() =>
    changed((note) => {
      note.$tag$x = note.to;
    }),
  );
});

test('invalid documents are rejected with a position, and entities are not expanded', () => {
  for (const text of ['GARBAGE', '<a>', '<a></b>', '<a b=c/>', '<x:a/>', '', '<a/><b/>', '<a>&undefined;</a>']) {
    assert.throws(() => xml.parse(text), { name: 'Error', message: /^failed to parse XML \(.*at \d+:\d+\)$/ }, text);
  }
  const bomb =
    '<!DOCTYPE r [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "/etc/passwd">]><r>&b;&c;</r>';
  assert.equal(parse(bomb).r.$text, '');
  assert.throws(() => xml.parse('<a>'.repeat(300)), /Excessive depth/);
});
