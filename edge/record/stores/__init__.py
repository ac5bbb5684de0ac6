"""Where segments and manifests go: a bucket, the folder of a cloud on this machine, or the host of one elsewhere."""
