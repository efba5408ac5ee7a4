package io.diskengine.api;

import org.jspecify.annotations.Nullable;

/**
 * What a route answers.
 *
 * @param body written as JSON; null = no body (204)
 */
record Reply(int status, @Nullable Object body) {
  static Reply ok(Object body) {
    return new Reply(200, body);
  }
}
