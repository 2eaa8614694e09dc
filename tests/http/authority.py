"""A certificate authority for one test run, made with the openssl command.

Everything lies in a temporary folder: ca.pem is what a client must believe,
NAME.pem holds a certificate with its chain, and its key.
"""
import os
import subprocess
import tempfile

EXTENSIONS = """
[v3_ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[v3_leaf]
basicConstraints = CA:FALSE
authorityKeyIdentifier = keyid
subjectAltName = {names}
{more}
"""


class Authority:
    def __init__(self, name="Vyoma test CA"):
        self.folder = tempfile.TemporaryDirectory(prefix="vyoma-ca-")
        self.made = {}
        self.root = self.path("ca.pem")
        self._request("ca", name)
        self._sign("ca", None, "v3_ca")
        self._make_intermediate()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def close(self):
        self.folder.cleanup()

    def _openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, capture_output=True,
                       cwd=self.folder.name)

    def _request(self, name, subject, kind="ec"):
        key = {"ec": ["-newkey", "ec", "-pkeyopt",
                      "ec_paramgen_curve:prime256v1"],
               "rsa": ["-newkey", "rsa:2048"]}[kind]
        self._openssl("req", "-new", *key, "-nodes", "-subj", f"/CN={subject}",
                      "-keyout", name + ".key", "-out", name + ".csr")

    def _sign(self, name, issuer, section, days=30, names="DNS:none", more=""):
        with open(self.path(name + ".cnf"), "w", encoding="ascii") as file:
            file.write(EXTENSIONS.format(names=names, more=more))
        by = (["-CA", issuer + ".pem", "-CAkey", issuer + ".key",
               "-CAcreateserial"] if issuer else ["-signkey", name + ".key"])
        self._openssl("x509", "-req", "-in", name + ".csr", *by, "-days",
                      str(days), "-extfile", name + ".cnf", "-extensions",
                      section, "-out", name + ".pem")

    def _make_intermediate(self):
        self._request("middle", "Vyoma test intermediate")
        self._sign("middle", "ca", "v3_ca")

    def leaf(self, name, names, issuer="ca", kind="ec", **more):
        """The path of a file with a certificate for `names` and its key.

        issuer None signs with its own key; more: days, more (extensions).
        """
        out = self.path(name + ".both")
        if name in self.made:
            return out
        self._request(name, name, kind)
        self._sign(name, issuer, "v3_leaf", names=names, **more)
        parts = [name + ".pem", name + ".key"]
        if issuer not in (None, "ca"):
            parts.insert(1, issuer + ".pem")
        with open(out, "w", encoding="ascii") as file:
            for part in parts:
                with open(self.path(part), encoding="ascii") as source:
                    file.write(source.read())
        self.made[name] = out
        return out
