package io.diskengine.engine.reactor;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import org.jctools.queues.varhandle.MpscVarHandleArrayQueue;
import org.jspecify.annotations.Nullable;

/**
 * One event loop that owns things (contract 4). Everything except {@link #post}, {@link #execute}
 * and the counters is called on the reactor itself. {@link #turn} is the whole duty cycle; who
 * calls it (a thread, or a simulator that steps several reactors on virtual time) is somebody
 * else's business.
 */
public final class Reactor {
  /** Messages that other threads may have pending here. */
  public static final int MAILBOX_CAPACITY = 16_384;

  /** Messages and timers handled before the kernel is asked again. */
  private static final int BATCH = 256;

  /** File operations in flight above this are refused: their submitter waits for its own. */
  public static final int FILE_OP_LIMIT = 4096;

  private static final ThreadLocal<@Nullable Reactor> CURRENT = new ThreadLocal<>();

  private final int index;
  private final Kernel kernel;
  private final IoBufferPool buffers;
  private final MpscVarHandleArrayQueue<Task> mailbox =
      new MpscVarHandleArrayQueue<>(MAILBOX_CAPACITY);
  private final OpTable ops = new OpTable(1024);
  private final TimerHeap timers = new TimerHeap();
  private final List<Poller> pollers = new ArrayList<>();
  private final LongAdder failedOffers = new LongAdder();
  private final FaultHandler faults;
  private final Kernel.Completions dispatch = this::dispatch;

  private @Nullable Task deferredHead;
  private @Nullable Task deferredTail;
  private @Nullable Parcel parcels;
  private @Nullable Parcel lastParcel;
  private int fileOps;
  private int quickFileOps;
  private int controlOps;
  private boolean hadIo;
  private long nowNs;
  private volatile boolean sleeping;
  private volatile long busyNs;
  private volatile long turns;

  /** Where a bug in a handler goes; the reactor itself goes on. */
  public interface FaultHandler {
    void fault(Reactor reactor, Throwable bug);
  }

  public Reactor(int index, Kernel kernel, IoBufferPool buffers, FaultHandler faults) {
    this.index = index;
    this.kernel = kernel;
    this.buffers = buffers;
    this.faults = faults;
    this.nowNs = kernel.nowNs();
  }

  public int index() {
    return index;
  }

  public Kernel kernel() {
    return kernel;
  }

  public IoBufferPool buffers() {
    return buffers;
  }

  /** The reactor whose turn it is on this thread; fails on any other thread. */
  public static Reactor current() {
    Reactor reactor = CURRENT.get();
    if (reactor == null) {
      throw new IllegalStateException("not on a reactor: " + Thread.currentThread().getName());
    }
    return reactor;
  }

  public boolean isCurrent() {
    return CURRENT.get() == this;
  }

  /** The clock, read once per turn and around kernel calls. */
  public long nowNs() {
    return nowNs;
  }

  // ---- messages

  /** From any thread: run the task here. False, and counted, when the mailbox is full. */
  public boolean post(Task task) {
    if (!mailbox.relaxedOffer(task) && !mailbox.offer(task)) {
      failedOffers.increment();
      return false;
    }
    if (sleeping) {
      kernel.wake();
    }
    return true;
  }

  /** {@link #post} for the control path of threads that are no reactors. */
  public boolean execute(Runnable body) {
    return post(Task.of(body));
  }

  /**
   * From this reactor to another, never lost and in order: a full mailbox keeps the task here and
   * tries again each turn.
   */
  public void send(Reactor target, Task task) {
    if (parcels != null || !target.post(task)) {
      Parcel parcel = new Parcel(target, task);
      if (lastParcel == null) {
        parcels = parcel;
      } else {
        lastParcel.next = parcel;
      }
      lastParcel = parcel;
    }
  }

  private static final class Parcel {
    final Reactor target;
    final Task task;
    @Nullable Parcel next;

    Parcel(Reactor target, Task task) {
      this.target = target;
      this.task = task;
    }
  }

  /** Run the task later in this turn or the next, never inside the caller's stack. */
  public void defer(Task task) {
    task.next = null;
    if (deferredTail == null) {
      deferredHead = task;
    } else {
      deferredTail.next = task;
    }
    deferredTail = task;
  }

  public long failedOffers() {
    return failedOffers.sum();
  }

  // ---- timers and pollers

  /** Arms (or re-arms) the timer. */
  public void schedule(Timer timer, long delayNs) {
    timers.add(timer, nowNs + Math.max(0, delayNs));
  }

  public void cancel(Timer timer) {
    timers.remove(timer);
  }

  public void addPoller(Poller poller) {
    pollers.add(poller);
  }

  public void removePoller(Poller poller) {
    pollers.remove(poller);
  }

  // ---- kernel operations; the returned handle is for cancel()

  /** False when this reactor has {@link #FILE_OP_LIMIT} file operations in flight. */
  public boolean fileOpAvailable() {
    return fileOps < FILE_OP_LIMIT;
  }

  int quickFileOpsInFlight() {
    return quickFileOps;
  }

  /**
   * Whether the last turn had I/O: from the kernel or of a poller, not tasks and control traffic.
   */
  boolean hadIo() {
    return hadIo;
  }

  public long readv(int fd, long iov, int count, long offsetBytes, FileOp op) {
    long handle = addFileOp(op);
    kernel.submitReadv(fd, iov, count, offsetBytes, handle);
    return handle;
  }

  public long writev(int fd, long iov, int count, long offsetBytes, boolean durable, FileOp op) {
    long handle = addFileOp(op);
    kernel.submitWritev(fd, iov, count, offsetBytes, durable, handle);
    return handle;
  }

  public long dataSync(int fd, FileOp op) {
    long handle = addFileOp(op);
    kernel.submitDataSync(fd, handle);
    return handle;
  }

  public long fallocate(int fd, int mode, long offsetBytes, long lengthBytes, FileOp op) {
    long handle = addFileOp(op);
    kernel.submitFallocate(fd, mode, offsetBytes, lengthBytes, handle);
    return handle;
  }

  /** A file operation; counted against {@link #FILE_OP_LIMIT}. */
  public interface FileOp extends OpCompletion {
    /** Whether a disk answers it in microseconds: it flushes nothing. The same until completion. */
    default boolean isQuick() {
      return true;
    }
  }

  /** The completion of control traffic: nothing follows it so soon that polling for that pays. */
  public interface ControlOp extends OpCompletion {}

  public long accept(int listenFd, OpCompletion op) {
    long handle = ops.add(op, nowNs);
    kernel.submitAccept(listenFd, handle);
    return handle;
  }

  public long connect(int fd, InetSocketAddress peer, OpCompletion op) {
    long handle = ops.add(op, nowNs);
    kernel.submitConnect(fd, peer, handle);
    return handle;
  }

  public long recv(int fd, long address, int lengthBytes, OpCompletion op) {
    long handle = ops.add(op, nowNs);
    kernel.submitRecv(fd, address, lengthBytes, handle);
    return handle;
  }

  public long sendv(int fd, long iov, int count, OpCompletion op) {
    long handle = ops.add(op, nowNs);
    kernel.submitSendv(fd, iov, count, handle);
    return handle;
  }

  public long pollFd(int fd, int events, OpCompletion op) {
    long handle = ops.add(op, nowNs);
    kernel.submitPoll(fd, events, handle);
    return handle;
  }

  public void cancel(long handle) {
    kernel.submitCancel(handle);
  }

  private long addFileOp(FileOp op) {
    fileOps++;
    quickFileOps += op.isQuick() ? 1 : 0;
    return ops.add(op, nowNs);
  }

  private void dispatch(long handle, int result) {
    OpCompletion completion = ops.remove(handle);
    if (completion == null) {
      return;
    }
    if (completion instanceof FileOp op) {
      fileOps--;
      quickFileOps -= op.isQuick() ? 1 : 0;
    } else if (completion instanceof ControlOp) {
      controlOps++;
    }
    try {
      completion.completed(result);
    } catch (RuntimeException | Error bug) {
      faults.fault(this, bug);
    }
  }

  // ---- the duty cycle

  /** One turn: completions, messages, timers, pollers, deferred tasks. Returns the work done. */
  public int turn() {
    Reactor outer = CURRENT.get();
    CURRENT.set(this);
    try {
      long start = kernel.nowNs();
      nowNs = start;
      controlOps = 0;
      int io = kernel.reap(dispatch);
      io -= controlOps;
      int work = controlOps + runDeferred();
      work += drainMailbox();
      work += expireTimers();
      for (int i = pollers.size() - 1; i >= 0; i--) {
        io += poll(pollers.get(i));
      }
      hadIo = io > 0;
      work += io;
      work += runDeferred();
      resendParcels();
      if (work > 0) {
        nowNs = kernel.nowNs();
        busyNs += nowNs - start;
      }
      turns++;
      return work;
    } finally {
      CURRENT.set(outer);
    }
  }

  /**
   * Nothing was done for a while: block in the kernel until something happens (contract 12). Called
   * between turns, on the reactor's own thread.
   */
  public void sleep() {
    if (parcels != null || deferredHead != null) {
      return;
    }
    CURRENT.set(this);
    try {
      sleeping = true;
      boolean quiet = true;
      for (Poller poller : pollers) {
        quiet &= poller.prepareToSleep();
      }
      if (quiet && mailbox.isEmpty()) {
        kernel.sleep(nextTimerInNs());
      }
    } finally {
      sleeping = false;
      for (Poller poller : pollers) {
        poller.awake();
      }
      CURRENT.set(null);
    }
  }

  /** Nanoseconds until the first timer, 0 when it is due, -1 when there is none. */
  public long nextTimerInNs() {
    return timers.size() == 0 ? -1 : Math.max(0, timers.firstDeadlineNs() - kernel.nowNs());
  }

  /** True when no message, deferred task or parcel waits here; timers may be pending. */
  public boolean idle() {
    return mailbox.isEmpty() && deferredHead == null && parcels == null;
  }

  public int opsInFlight() {
    return ops.inFlight();
  }

  /** Age of the oldest kernel operation in flight. */
  public long oldestOpAgeNs() {
    return nowNs - ops.oldestNs(nowNs);
  }

  /** Time spent in turns that found work; readable from any thread. */
  public long busyNs() {
    return busyNs;
  }

  public long turns() {
    return turns;
  }

  /** Reports what ended this reactor's thread. */
  void fault(Throwable bug) {
    faults.fault(this, bug);
  }

  private int drainMailbox() {
    int done = 0;
    for (Task task; done < BATCH && (task = mailbox.relaxedPoll()) != null; done++) {
      guarded(task);
    }
    return done;
  }

  private int runDeferred() {
    int done = 0;
    while (deferredHead != null && done < BATCH) {
      Task task = deferredHead;
      deferredHead = task.next;
      if (deferredHead == null) {
        deferredTail = null;
      }
      task.next = null;
      guarded(task);
      done++;
    }
    return done;
  }

  private int expireTimers() {
    try {
      return timers.expire(nowNs, BATCH);
    } catch (RuntimeException | Error bug) {
      faults.fault(this, bug);
      return 1;
    }
  }

  private int poll(Poller poller) {
    try {
      return poller.poll();
    } catch (RuntimeException | Error bug) {
      faults.fault(this, bug);
      return 0;
    }
  }

  private void guarded(Task task) {
    try {
      task.run();
    } catch (RuntimeException | Error bug) {
      faults.fault(this, bug);
    }
  }

  private void resendParcels() {
    while (parcels != null && parcels.target.post(parcels.task)) {
      parcels = parcels.next;
    }
    if (parcels == null) {
      lastParcel = null;
    }
  }
}
