package io.diskengine.model;

/** NVMe-oF transport; {@link #name()} is SPDK's {@code trtype}. */
public enum Transport {
  TCP,
  RDMA
}
