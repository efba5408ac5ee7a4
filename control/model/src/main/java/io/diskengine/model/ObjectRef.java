package io.diskengine.model;

/** One row: its kind and its id. */
public record ObjectRef(ObjectKind kind, long id) {
  @Override
  public String toString() {
    return kind.text() + " " + id;
  }
}
