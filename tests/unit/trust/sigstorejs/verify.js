// Verify Sigstore bundles with @sigstore/verify, the code of npm: verify.js KEY.pub BUNDLE...
//
// The shim: this library leaves the digest to node, which takes SHA-256 for every EC key. Sigstore's algorithm registry
// pairs P-384 with SHA-384, so it is named here.
const crypto = require("crypto");
const verify = crypto.verify;
crypto.verify = (algorithm, data, key, signature) =>
  verify(key.asymmetricKeyDetails?.namedCurve === "secp384r1" ? "sha384" : algorithm, data, key, signature);

const fs = require("fs");
const { bundleFromJSON } = require("@sigstore/bundle");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");

const [pem, ...files] = process.argv.slice(2).map((file) => fs.readFileSync(file, "utf8"));
const hint = crypto.createHash("sha256").update(pem).digest("hex");
const rawBytes = crypto.createPublicKey(pem).export({ type: "spki", format: "der" });
const nobody = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const known = toTrustMaterial(nobody, { [hint]: { rawBytes } });
const verifier = new Verifier(known, { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 });
for (const file of files) {
  const bundle = bundleFromJSON(JSON.parse(file));
  verifier.verify(toSignedEntity(bundle));
  console.log(JSON.parse(bundle.content.dsseEnvelope.payload.toString()).predicateType);
}
