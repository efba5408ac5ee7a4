package io.diskengine.model;

/** What a node's agent last saw of its data-plane process (SPDK or the engine). */
public enum DataPlaneState {
  /** Not heard of yet, or the agent is not running. */
  UNKNOWN,
  /** The process is there; its objects are not all verified yet. */
  STARTING,
  /** Every expected object was verified. */
  READY,
  /** The process is there and answers no RPC. */
  SILENT,
  /** No process. */
  DOWN
}
