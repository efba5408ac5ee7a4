package io.diskengine.model.plan;

import io.diskengine.model.ObjectRef;
import org.jspecify.annotations.Nullable;

/**
 * An object that waits (law 14).
 *
 * @param waitingFor one line for people
 * @param cause the object it waits for, to follow down to the root
 */
public record Blocked(ObjectRef object, String waitingFor, @Nullable ObjectRef cause) {}
