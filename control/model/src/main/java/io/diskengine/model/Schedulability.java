package io.diskengine.model;

/** Whether new work may be placed on a node. */
public enum Schedulability {
  ACTIVE,
  CORDONED,
  DRAINING
}
