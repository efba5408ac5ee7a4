package io.diskengine.testkit.conformance;

import java.nio.file.Path;

/** A running data plane. */
public interface DataPlane extends AutoCloseable {
  /** The RPC socket. */
  Path socket();

  /** Where vhost sockets are made. */
  Path vhostDirectory();

  /** An orderly end, as by SIGTERM; returns when it is gone. */
  @Override
  void close();
}
