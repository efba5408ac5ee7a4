package io.diskengine.store;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Requests that come while another one is answered are answered together after it, by one
 * transaction: hundreds at once cost a few commits and a few round trips, and a lone one waits for
 * nobody. Callers are served in the order in which they came.
 */
final class Together<Q, A> {
  /** Requests of one transaction; it must end well before its statements' time limit. */
  static final int MAX_AT_ONCE = 64;

  private final Function<List<Q>, List<Answer<A>>> transaction;
  private final ReentrantLock turn = new ReentrantLock(true);
  private final Queue<Call<Q, A>> waiting = new ConcurrentLinkedQueue<>();

  /** What became of one request. */
  sealed interface Answer<A> {
    record Done<A>(A value) implements Answer<A> {}

    /** Nothing was changed for this request; others of the transaction are not concerned. */
    record Refused<A>(RuntimeException why) implements Answer<A> {}
  }

  private static final class Call<Q, A> {
    final Q request;
    @Nullable Answer<A> answer; // guarded by turn

    Call(Q request) {
      this.request = request;
    }
  }

  /**
   * @param transaction answers every request, in order; what it throws concerns all of them
   */
  Together(Function<List<Q>, List<Answer<A>>> transaction) {
    this.transaction = transaction;
  }

  A ask(Q request) {
    Call<Q, A> call = new Call<>(request);
    waiting.add(call);
    turn.lock();
    try {
      while (call.answer == null) {
        answerNext();
      }
    } finally {
      turn.unlock();
    }
    return switch (call.answer) {
      case Answer.Done<A>(A value) -> value;
      case Answer.Refused<A>(RuntimeException why) -> throw why;
    };
  }

  /** How many wait for the next transactions. */
  int waiting() {
    return waiting.size();
  }

  private void answerNext() {
    List<Call<Q, A>> batch = new ArrayList<>();
    Call<Q, A> next = waiting.poll();
    while (next != null) {
      batch.add(next);
      next = batch.size() < MAX_AT_ONCE ? waiting.poll() : null;
    }
    List<Answer<A>> answers = answers(batch.stream().map(c -> c.request).toList());
    for (int i = 0; i < batch.size(); i++) {
      batch.get(i).answer = answers.get(i);
    }
  }

  List<Answer<A>> answers(List<Q> requests) {
    try {
      return transaction.apply(requests);
    } catch (StoreStatementException e) {
      // Nothing was changed. One of them is at fault: alone it fails alone.
      if (requests.size() > 1) {
        return requests.stream().flatMap(r -> answers(List.of(r)).stream()).toList();
      }
      return all(requests, e);
    } catch (RuntimeException e) {
      return all(requests, e);
    }
  }

  private static <Q, A> List<Answer<A>> all(List<Q> requests, RuntimeException why) {
    return requests.stream().<Answer<A>>map(_ -> new Answer.Refused<>(why)).toList();
  }
}
