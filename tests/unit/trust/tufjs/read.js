// Judge a repository with @tufjs/models, the client code of npm: read.js METADATA_FOLDER
// Prints the listed targets as JSON; fails when a role is not signed by enough people.
//
// The shim: this library leaves the digest to node, which takes SHA-256 for every EC key. TUF's scheme for P-384 is
// ecdsa-sha2-nistp384, whose digest is SHA-384, so it is named here.
const crypto = require("crypto");
const verify = crypto.verify;
crypto.verify = (algorithm, data, key, signature) => {
  const object = key.key ?? key;
  const curve = object.asymmetricKeyDetails?.namedCurve;
  return verify(curve === "secp384r1" ? "sha384" : algorithm, data, key, signature);
};

const fs = require("fs");
const path = require("path");
const { Metadata, MetadataKind } = require("@tufjs/models");

const read = (kind) =>
  Metadata.fromJSON(kind, JSON.parse(fs.readFileSync(path.join(process.argv[2], `${kind}.json`), "utf8")));

const root = read(MetadataKind.Root);
root.verifyDelegate(MetadataKind.Root, root);
const roles = {};
for (const kind of [MetadataKind.Timestamp, MetadataKind.Snapshot, MetadataKind.Targets]) {
  roles[kind] = read(kind);
  root.verifyDelegate(kind, roles[kind]);
}
const { timestamp, snapshot, targets } = roles;
if (timestamp.signed.snapshotMeta.version !== snapshot.signed.version) throw new Error("snapshot version");
if (snapshot.signed.meta["targets.json"].version !== targets.signed.version) throw new Error("targets version");
console.log(JSON.stringify(targets.signed.targets));
