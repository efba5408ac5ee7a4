package io.diskengine.model;

/**
 * The copy of what a replica held when it left the set, taken before a rebuild overwrites it (law
 * 9): a snapshot of its lvol, {@link Names#kept}.
 */
public enum Kept {
  /** None is there and none is needed. */
  NONE,
  /** It holds data that a rebuild would overwrite. */
  WANTED,
  /** It was let in: its storage node takes the copy before any host may write. */
  TAKING,
  /** The copy is there; the replica may be overwritten, again and again. */
  KEPT,
  /** The replica is in sync: the copy is to be removed. */
  DROPPING
}
