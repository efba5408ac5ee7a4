package io.diskengine.model;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Why an object waits (law 14).
 *
 * @param waitingFor one line: for what
 * @param since when the wait began
 * @param attempts how often the step was tried
 * @param nextTry absent when only a change elsewhere can help
 * @param cause the object that this one waits for, to follow down to the root
 */
public record Reason(
    ObjectRef object,
    String waitingFor,
    Instant since,
    int attempts,
    @Nullable String lastError,
    @Nullable Instant nextTry,
    @Nullable ObjectRef cause) {}
