package io.diskengine.engine.reactor;

import io.diskengine.engine.linux.FileCalls;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jctools.queues.varhandle.MpmcVarHandleArrayQueue;
import org.jspecify.annotations.Nullable;

/**
 * Runs one reactor's file operations on a bounded number of threads, because epoll knows nothing of
 * files. Operations and results cross without locks; nothing is allocated per operation. An
 * operation that was submitted is not cancelled any more.
 */
final class FileThreads {
  private static final int QUEUE_CAPACITY = 2 * Reactor.FILE_OP_LIMIT;

  private final int limit;
  private final Runnable completed;
  private final MpmcVarHandleArrayQueue<KernelOp> queue =
      new MpmcVarHandleArrayQueue<>(QUEUE_CAPACITY);

  /** What did not fit into the queue; used by the submitting thread only. */
  private final KernelOp.Queue backlog = new KernelOp.Queue();

  private final AtomicReference<@Nullable KernelOp> done = new AtomicReference<>();
  private final List<Worker> workers = new ArrayList<>();
  private volatile boolean closed;

  /** {@code completed} is called by a thread of the pool after each operation. */
  FileThreads(int limit, Runnable completed) {
    this.limit = limit;
    this.completed = completed;
  }

  void submit(KernelOp op) {
    if (!backlog.isEmpty() || !queue.offer(op)) {
      backlog.add(op);
    }
    for (int i = 0; i < workers.size(); i++) {
      if (workers.get(i).unpark()) {
        return;
      }
    }
    if (workers.size() < limit) {
      Worker worker = new Worker();
      workers.add(worker);
      worker.thread.start();
    }
  }

  private final class Worker implements Runnable {
    final Thread thread =
        Thread.ofPlatform().name("file_io_" + workers.size()).daemon().unstarted(this);
    private final AtomicBoolean parked = new AtomicBoolean();

    /** Wakes the thread if it parks (or is about to); false when it works. */
    boolean unpark() {
      if (!parked.get() || !parked.compareAndSet(true, false)) {
        return false;
      }
      LockSupport.unpark(thread);
      return true;
    }

    @Override
    public void run() {
      while (!closed) {
        KernelOp op = queue.poll();
        if (op == null) {
          parked.set(true);
          op = queue.poll(); // one that came before the flag was seen
          while (op == null && parked.get() && !closed) {
            LockSupport.park(this);
          }
          parked.set(false);
        }
        if (op != null) {
          op.result = execute(op);
          push(op);
          completed.run();
        }
      }
    }
  }

  private void push(KernelOp op) {
    KernelOp top;
    do {
      top = done.get();
      op.next = top;
    } while (!done.compareAndSet(top, op));
  }

  private static int execute(KernelOp op) {
    return switch (op.kind) {
      case READV -> FileCalls.preadv(op.fd, op.address, op.count, op.offsetBytes);
      case WRITEV -> FileCalls.pwritev2(op.fd, op.address, op.count, op.offsetBytes, op.flags);
      case DATA_SYNC -> FileCalls.fdatasync(op.fd);
      case FALLOCATE -> FileCalls.fallocate(op.fd, op.flags, op.offsetBytes, op.lengthBytes);
      case ACCEPT, CONNECT, RECV, SENDV, POLL -> throw new AssertionError(op.kind);
    };
  }

  boolean hasDone() {
    return done.get() != null;
  }

  /** Everything that was done since the last call, oldest first, linked by {@code next}. */
  @Nullable KernelOp takeDone() {
    for (KernelOp op = backlog.head; op != null && queue.offer(op); op = backlog.head) {
      backlog.removeAfter(null, op);
    }
    if (done.get() == null) {
      return null;
    }
    KernelOp oldest = null;
    for (KernelOp op = done.getAndSet(null); op != null; ) {
      KernelOp below = op.next;
      op.next = oldest;
      oldest = op;
      op = below;
    }
    return oldest;
  }

  /** Forgets what has not begun and waits for what has, so that no buffer is touched later. */
  void close() {
    closed = true;
    queue.clear();
    workers.forEach(worker -> LockSupport.unpark(worker.thread));
    boolean interrupted = false;
    for (Worker worker : workers) {
      try {
        worker.thread.join(TimeUnit.SECONDS.toMillis(10));
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
