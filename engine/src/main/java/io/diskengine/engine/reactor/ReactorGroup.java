package io.diskengine.engine.reactor;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Reactors on threads of their own: each turns while there is work, spins a little, then sleeps
 * (contract 12). Reactor 0 is the home of everything that has one home.
 */
public final class ReactorGroup implements AutoCloseable {
  /** How long a reactor polls after its last work before it sleeps. */
  public static final long DEFAULT_SPIN_NS = 50_000;

  /**
   * That long, times this, while one read or plain write of a file is in flight: a disk answers in
   * 10 to 200 us (a flush takes milliseconds), and being woken costs as much again
   * (docs/decisions/0025-waiting-for-a-disk.md). With more of them it is that much shorter: what
   * one of many waits for a wake-up is little of its time, and polling for it would be most of its
   * CPU time (docs/decisions/0047-cpu-of-a-disks-io.md).
   */
  static final int FILE_SPIN_FACTOR = 4;

  /**
   * A reactor that slept this long has no I/O to do: what woke it (a timer, an RPC) is seldom
   * followed by anything within the time that it would poll. The next shorter sleep ends that.
   */
  static final long IDLE_SLEEP_NS = 2_000_000;

  private final List<Reactor> reactors;
  private final List<Thread> threads;
  private final long spinNs;
  private volatile boolean stopping;

  public ReactorGroup(List<Reactor> reactors, long spinNs) {
    this.reactors = List.copyOf(reactors);
    this.spinNs = spinNs;
    this.threads =
        this.reactors.stream()
            .map(r ->
                Thread.ofPlatform().name("reactor_" + r.index()).daemon().unstarted(() -> loop(r)))
            .toList();
  }

  /** Reactors on this machine's kernel, as {@code options} say; not started yet. */
  public static ReactorGroup create(ReactorOptions options, Reactor.FaultHandler faults) {
    BufferReserve reserve = BufferReserve.map(options.smallBuffers(), options.largeBuffers());
    List<Reactor> reactors = new ArrayList<>();
    for (int i = 0; i < options.reactors(); i++) {
      Kernel kernel = Kernels.create(options.kernel(), options.fileThreads());
      reactors.add(new Reactor(i, kernel, new IoBufferPool(reserve), faults));
    }
    return new ReactorGroup(reactors, options.spinNs());
  }

  public void start() {
    threads.forEach(Thread::start);
  }

  public List<Reactor> reactors() {
    return reactors;
  }

  public Reactor home() {
    return reactors.getFirst();
  }

  private void loop(Reactor reactor) {
    try {
      turnAndSleep(reactor);
    } catch (RuntimeException | Error bug) {
      reactor.fault(bug); // the kernel interface itself failed: this reactor is over
    } finally {
      reactor.kernel().close(); // here, because only the owner can end what is in flight
    }
  }

  private void turnAndSleep(Reactor reactor) {
    long lastWorkNs = System.nanoTime();
    boolean idle = false;
    while (!stopping) {
      if (reactor.turn() > 0) {
        // What an RPC began is seldom answered within the time of a poll; other reactors send I/O.
        boolean io = reactor.hadIo() || reactors.size() > 1;
        lastWorkNs = io ? System.nanoTime() : lastWorkNs;
      } else if (System.nanoTime() - lastWorkNs
          >= spinNs(spinNs, reactor.quickFileOpsInFlight(), idle)) {
        if (stopping) {
          return; // the turn before may have taken the wake-up of close()
        }
        long sleptAtNs = System.nanoTime();
        reactor.sleep();
        lastWorkNs = System.nanoTime();
        idle = lastWorkNs - sleptAtNs >= IDLE_SLEEP_NS;
      } else {
        // a spinning reactor must not keep the one it waits for from a shared core
        Thread.yield();
      }
    }
  }

  /** How long after its last work a reactor polls before it sleeps. */
  static long spinNs(long baseNs, int quickFileOpsInFlight, boolean idle) {
    if (quickFileOpsInFlight > 0) {
      return baseNs * FILE_SPIN_FACTOR / quickFileOpsInFlight;
    }
    return idle ? 0 : baseNs;
  }

  /** Ends the threads and closes the kernels; what was in flight is abandoned. */
  @Override
  public void close() {
    stopping = true;
    boolean interrupted = false;
    for (int i = 0; i < threads.size(); i++) {
      Thread thread = threads.get(i);
      Kernel kernel = reactors.get(i).kernel();
      if (thread.getState() == Thread.State.NEW) {
        kernel.close();
        continue;
      }
      kernel.wake();
      try {
        thread.join(TimeUnit.SECONDS.toMillis(10));
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
