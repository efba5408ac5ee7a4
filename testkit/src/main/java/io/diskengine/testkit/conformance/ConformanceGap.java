package io.diskengine.testkit.conformance;

/**
 * Where the engine, or the simulator's fake, differs from SPDK. Whatever is not here is supported.
 * The suite proves each difference too: a gap that was closed fails until its constant is removed.
 */
public enum ConformanceGap {
  /** SPDK looks at its RPC socket every 4 ms; the engine answers at once. */
  RPC_PACING(Kind.IMPROVEMENT, "calls are answered at once, not paced by a 4 ms timer"),
  /** SPDK gives new clusters out with what they held before. */
  ZEROED_CLUSTERS(Kind.IMPROVEMENT, "a new lvol reads as zeros, whatever its clusters held before"),
  KILL_BEFORE_INIT(
      Kind.IMPROVEMENT, "spdk_kill_instance is possible before framework_start_init as well"),
  EXTENSIONS(
      Kind.IMPROVEMENT,
      "methods of our own, which no SPDK has: their names start with diskengine_"),
  HEALTH_TEMPERATURE(
      Kind.IMPROVEMENT,
      "a target without a sensor reports 0 degrees Celsius, not 0 Kelvin, which SPDK's initiator"
          + " shows as 2^64 - 273"),
  FSDEV(Kind.NOT_PLANNED, "no file system devices, so no notifications about them"),
  ALL_METHODS(Kind.NOT_YET, "not every method of SPDK: see docs/coverage/rpc.md"),
  SOCKET_LOCK_FILE(Kind.NOT_PLANNED, "no SOCKET.lock file beside the RPC socket"),
  /** SPDK answers -32602 EAGAIN for ever once a limit was set on a device that nobody has open. */
  QOS_SET_AGAIN(Kind.IMPROVEMENT, "a rate limit of a device that nobody has open can be set again"),
  /** SPDK looks at a namespace's size when it is told that it changed, not when it reconnects. */
  GROWN_WHILE_AWAY(
      Kind.IMPROVEMENT,
      "a host that reconnects sees the size that a namespace has now, not the one that it knew"),
  NO_PROCESS(Kind.FAKE, "the fake is no process of its own: it cannot be sent a signal"),
  NO_GUEST_SOCKETS(Kind.FAKE, "the fake's guests are modelled: it has no vhost-user sockets"),
  FEWER_LVOL_METHODS(
      Kind.FAKE,
      "the fake makes, finds, copies and deletes lvols: no clones, shallow copies, renaming"),
  RAID1_ONLY(
      Kind.FAKE, "the fake's arrays are raid1 of legs that fit, the only ones the agents make");

  /** Why there is a difference. */
  public enum Kind {
    /** On purpose: better than SPDK. */
    IMPROVEMENT,
    NOT_YET,
    NOT_PLANNED,
    /** Of the simulator's fake, not of the engine. */
    FAKE
  }

  private final Kind kind;
  private final String reason;

  ConformanceGap(Kind kind, String reason) {
    this.kind = kind;
    this.reason = reason;
  }

  public Kind kind() {
    return kind;
  }

  public String reason() {
    return reason;
  }
}
