package io.diskengine.testkit.guest;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A script that runs in the guest, started by {@link GuestVm#start}. */
public final class GuestJob {
  private final GuestVm vm;
  private final long id;
  private final String script;
  private final CompletableFuture<CommandResult> result;

  GuestJob(GuestVm vm, long id, String script, CompletableFuture<CommandResult> result) {
    this.vm = vm;
    this.id = id;
    this.script = script;
    this.result = result;
  }

  public boolean done() {
    return result.isDone();
  }

  /**
   * The result; an {@link AssertionError} with the guest's console if it does not end in time or
   * the guest ends first.
   */
  public CommandResult await(Duration timeout) {
    try {
      return result.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new AssertionError(vm.report("no end within " + timeout + " of: " + script), e);
    } catch (ExecutionException e) {
      throw new AssertionError(vm.report("the guest ended before: " + script), e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for: " + script, e);
    }
  }

  /** As {@link #await}, for a job that was started by {@link GuestVm#startFio}. */
  public FioResult awaitFio(Duration timeout) {
    return FioResult.parse(await(timeout));
  }

  /** What the script has written so far. */
  public String output() {
    return vm.run("cat /run/job/" + id + ".out").ok().output();
  }

  /** Sends a signal (by name, e.g. {@code TERM}) to the script and everything that it started. */
  public void signal(String signal) {
    vm.run("kill -" + signal + " -$(cat /run/job/" + id + ".pid)").ok();
  }
}
