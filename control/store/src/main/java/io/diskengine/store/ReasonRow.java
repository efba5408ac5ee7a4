package io.diskengine.store;

import io.diskengine.model.Reason;

/** A reason with the node whose agent published it and the object's name for people. */
public record ReasonRow(String node, String objectName, Reason reason) {}
