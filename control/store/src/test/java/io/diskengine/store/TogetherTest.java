package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.store.Together.Answer;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

final class TogetherTest {
  private final List<List<Integer>> transactions = Collections.synchronizedList(new ArrayList<>());

  @Test
  void requestsThatComeMeanwhileAreAnsweredByOneTransaction() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    Together<Integer, Integer> together =
        new Together<>(all -> {
          transactions.add(all);
          begun.countDown();
          await(mayEnd);
          return all.stream().map(TogetherTest::judged).toList();
        });
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<Integer> first = threads.submit(() -> together.ask(0));
      begun.await();
      List<Future<Integer>> others = new ArrayList<>();
      for (int i = 1; i <= 100; i++) {
        int request = i;
        others.add(threads.submit(() -> together.ask(request)));
      }
      while (together.waiting() < others.size()) {
        Thread.onSpinWait();
      }
      mayEnd.countDown();
      assertThat(first.get()).isZero();
      for (int i = 1; i <= others.size(); i++) {
        Future<Integer> answer = others.get(i - 1);
        if (i == 13) {
          assertThatThrownBy(answer::get)
              .isInstanceOf(ExecutionException.class)
              .hasRootCauseMessage("13 brings bad luck");
        } else {
          assertThat(answer.get()).isEqualTo(i);
        }
      }
    }
    assertThat(transactions.stream().map(List::size))
        .containsExactly(1, Together.MAX_AT_ONCE, 100 - Together.MAX_AT_ONCE);
  }

  private static Answer<Integer> judged(int request) {
    return request == 13
        ? new Answer.Refused<>(new IllegalArgumentException("13 brings bad luck"))
        : new Answer.Done<>(request);
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void statementThatFailsForOneIsRepeatedForEach() {
    Together<Integer, Integer> together = new Together<>(this::allOrNothing);
    List<Answer<Integer>> answers = together.answers(List.of(1, 13, 2));
    assertThat(answers.get(0)).isEqualTo(new Answer.Done<>(1));
    assertThat(answers.get(1)).isInstanceOf(Answer.Refused.class);
    assertThat(answers.get(2)).isEqualTo(new Answer.Done<>(2));
    assertThat(transactions)
        .containsExactly(List.of(1, 13, 2), List.of(1), List.of(13), List.of(2));
  }

  private List<Answer<Integer>> allOrNothing(List<Integer> all) {
    transactions.add(all);
    if (all.contains(13)) {
      throw new StoreStatementException("23514", new SQLException("check", "23514"));
    }
    return all.stream().map(TogetherTest::judged).toList();
  }

  @Test
  void unavailableStoreIsToldToAllAndNotAskedAgain() {
    Together<Integer, Integer> together =
        new Together<>(all -> {
          transactions.add(all);
          throw new StoreUnavailableException("gone", new SQLException("gone"));
        });
    assertThat(together.answers(List.of(1, 2)))
        .allSatisfy(a ->
            assertThat(a)
                .isInstanceOfSatisfying(
                    Answer.Refused.class,
                    r -> assertThat(r.why()).isInstanceOf(StoreUnavailableException.class)));
    assertThat(transactions).hasSize(1);
  }
}
