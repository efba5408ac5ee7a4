package io.diskengine.engine.reactor;

import io.diskengine.engine.linux.FileCalls;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Runs one reactor's file operations on a bounded number of threads, because epoll knows nothing of
 * files. Results come back through a lock-free stack; nothing is allocated per operation.
 */
final class FileThreads {
  private static final int QUEUE_CAPACITY = 2 * Reactor.FILE_OP_LIMIT;

  private final int limit;
  private final Runnable completed;
  private final ArrayBlockingQueue<KernelOp> queue = new ArrayBlockingQueue<>(QUEUE_CAPACITY);

  /** What did not fit into the queue; used by the submitting thread only. */
  private final KernelOp.Queue backlog = new KernelOp.Queue();

  private final AtomicReference<@Nullable KernelOp> done = new AtomicReference<>();
  private final AtomicInteger idle = new AtomicInteger();
  private final List<Thread> threads = new ArrayList<>();

  /** {@code completed} is called by a thread of the pool after each operation. */
  FileThreads(int limit, Runnable completed) {
    this.limit = limit;
    this.completed = completed;
  }

  void submit(KernelOp op) {
    if (!backlog.isEmpty() || !queue.offer(op)) {
      backlog.add(op);
    }
    if (threads.size() < limit && idle.get() == 0) {
      Thread thread =
          Thread.ofPlatform().name("file_io_" + threads.size()).daemon().unstarted(this::work);
      threads.add(thread);
      thread.start();
    }
  }

  private void work() {
    try {
      while (!Thread.interrupted()) {
        KernelOp op = queue.poll();
        if (op == null) {
          idle.incrementAndGet();
          try {
            op = queue.take();
          } finally {
            idle.decrementAndGet();
          }
        }
        op.result = run(op);
        for (KernelOp top = done.get(); ; top = done.get()) {
          op.next = top;
          if (done.compareAndSet(top, op)) {
            break;
          }
        }
        completed.run();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // closed
    }
  }

  private static int run(KernelOp op) {
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

  /** Takes an operation back that no thread has begun; null when there is none. */
  @Nullable KernelOp cancel(long userData) {
    for (KernelOp op : queue) {
      if (op.userData == userData) {
        return queue.remove(op) ? op : null;
      }
    }
    return backlog.remove(userData);
  }

  /** Forgets what has not begun and waits for what has, so that no buffer is touched later. */
  void close() {
    queue.clear();
    threads.forEach(Thread::interrupt);
    boolean interrupted = false;
    for (Thread thread : threads) {
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
