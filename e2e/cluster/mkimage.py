#!/usr/bin/env python3
"""Writes an OCI image archive without a registry or a daemon.

    mkimage.py OUT.tar NAME:TAG --layer --add SRC:/dest[:mode] [--link /path=target] [--dir /tmp:1777]
               [--layer ...] [--entrypoint A] [--cmd B] [--env K=V] [--user 65532:65532] [--workdir /]

Each --layer begins a layer; what follows goes into it. Equal inputs give equal bytes (times are 0,
owners are root), so a layer that did not change is not loaded again. Layers are not compressed:
the archive is read once, on the machine that wrote it.
"""

import argparse
import hashlib
import io
import json
import os
import tarfile

MEDIA = "application/vnd.oci.image."


class LayerItem(argparse.Action):
    """Puts an option's value into the layer that was begun last."""

    def __call__(self, parser, namespace, value, option=None):
        if option == "--layer":
            namespace.layers.append([])
        elif not namespace.layers:
            parser.error(f"{option} comes after --layer")
        else:
            namespace.layers[-1].append((option, value))


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("out")
    parser.add_argument("ref")
    parser.add_argument("--layer", nargs=0, action=LayerItem)
    for option in ("--add", "--link", "--dir"):
        parser.add_argument(option, action=LayerItem)
    parser.add_argument("--env", action="append", default=["PATH=/usr/local/bin:/usr/bin:/bin"])
    parser.add_argument("--entrypoint", action="append", default=[])
    parser.add_argument("--cmd", action="append", default=[])
    parser.add_argument("--user", default="")
    parser.add_argument("--workdir", default="/")
    parser.set_defaults(layers=[])
    return parser.parse_args()


def entry(path, kind, mode, size=0, link=""):
    item = tarfile.TarInfo(path.lstrip("/"))
    item.type, item.mode, item.size, item.linkname, item.mtime = kind, mode, size, link, 0
    item.uid = item.gid = 0
    item.uname = item.gname = "root"
    return item


def write_layer(items):
    data, directories = io.BytesIO(), set()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as tar:

        def directory(path, mode=0o755):
            path = path.strip("/")
            if path and path not in directories:
                directory(os.path.dirname(path))
                directories.add(path)
                tar.addfile(entry(path, tarfile.DIRTYPE, mode))

        for option, value in items:
            if option == "--dir":
                path, _, mode = value.partition(":")
                directory(path, int(mode or "755", 8))
            elif option == "--link":
                path, _, target = value.partition("=")
                directory(os.path.dirname(path))
                tar.addfile(entry(path, tarfile.SYMTYPE, 0o777, link=target))
            else:
                source, path, *mode = value.split(":")
                directory(os.path.dirname(path))
                with open(source, "rb") as file:
                    content = file.read()
                bits = int(mode[0], 8) if mode else 0o755 if os.access(source, os.X_OK) else 0o644
                tar.addfile(entry(path, tarfile.REGTYPE, bits, len(content)), io.BytesIO(content))
    return data.getvalue()


def main():
    args = arguments()
    blobs = {}

    def blob(content, media, **extra):
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        return {"mediaType": MEDIA + media, "digest": "sha256:" + digest, "size": len(content), **extra}

    layers = [blob(write_layer(items), "layer.v1.tar") for items in args.layers]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "Env": args.env,
            "Entrypoint": args.entrypoint or None,
            "Cmd": args.cmd or None,
            "User": args.user,
            "WorkingDir": args.workdir,
        },
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MEDIA + "manifest.v1+json",
        "config": blob(json.dumps(config).encode(), "config.v1+json"),
        "layers": layers,
    }
    names = {
        "io.containerd.image.name": args.ref,
        "org.opencontainers.image.ref.name": args.ref.rpartition(":")[2],
    }
    index = {"schemaVersion": 2, "manifests": [blob(json.dumps(manifest).encode(), "manifest.v1+json", annotations=names)]}

    partial = args.out + ".part"
    with tarfile.open(partial, "w", format=tarfile.GNU_FORMAT) as tar:

        def put(name, content):
            tar.addfile(entry(name, tarfile.REGTYPE, 0o644, len(content)), io.BytesIO(content))

        put("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        for digest in sorted(blobs):
            put("blobs/sha256/" + digest, blobs[digest])
        put("index.json", json.dumps(index).encode())
    os.replace(partial, args.out)


if __name__ == "__main__":
    main()
