package io.diskengine.engine.host;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.nvme.AsyncEvent;
import io.diskengine.nvme.ControllerProperty;
import io.diskengine.nvme.ControllerProperty.Cc;
import io.diskengine.nvme.ControllerProperty.Csts;
import io.diskengine.nvme.FeaturesCommand;
import io.diskengine.nvme.IdentifyCommand;
import io.diskengine.nvme.IdentifyController;
import io.diskengine.nvme.IdentifyNvmController;
import io.diskengine.nvme.NumberOfQueues;
import io.diskengine.nvme.NvmeStatus;
import org.jspecify.annotations.Nullable;

/**
 * Makes a connected admin queue a usable controller (NVMe Base 2.0, 3.5.1; NVMe-oF 1.1, 2.5): reads
 * its capabilities, enables it, identifies it and its namespaces, asks for queues and events. Every
 * failure closes the admin queue, whose owner hears of it.
 */
final class ControllerSetup {
  private static final long READY_POLL_NS = 10_000_000;

  /** CAP.TO counts half seconds. */
  private static final long READY_UNIT_NS = 500_000_000L;

  /** What a controller is, once it is set up. */
  record Result(
      ControllerData data,
      int queueDepth,
      int ioQueues,
      long mostUnmapBlocks,
      long mostWriteZeroesBytes,
      NamespaceScan.Found namespaces) {}

  /** Gets the result; not called when the admin queue was closed. */
  interface Done {
    void ready(Result result);
  }

  private final Reactor reactor;
  private final AdminQueue admin;
  private final String subnqn;
  private final Done done;
  private final Timer readyPoll = Timer.of(this::pollReady);
  private int queueDepth;
  private long readyDeadlineNs;
  private int ioQueues;
  private long mostUnmapBlocks;
  private long mostWriteZeroesBytes;
  private @Nullable ControllerData data;
  private NamespaceScan.@Nullable Found namespaces;
  private int pending;

  ControllerSetup(Reactor reactor, AdminQueue admin, String subnqn, Done done) {
    this.reactor = reactor;
    this.admin = admin;
    this.subnqn = subnqn;
    this.done = done;
  }

  /**
   * One round trip: what is written to CC does not depend on what CAP says, and CSTS is asked again
   * when it was answered too early. A target answers fabrics commands in order.
   */
  void start() {
    readyDeadlineNs = reactor.nowNs() + READY_UNIT_NS;
    admin.propertyGet(
        ControllerProperty.CAP,
        true,
        checked(
            "Property Get CAP",
            cap -> {
              queueDepth = Math.min(TcpQpair.MOST_SLOTS, ControllerProperty.Cap.mqes(cap) + 1);
              long timeoutUnits = Math.max(1, ControllerProperty.Cap.to(cap));
              readyDeadlineNs = reactor.nowNs() + timeoutUnits * READY_UNIT_NS;
            }));
    admin.propertySet(
        ControllerProperty.CC, Cc.enable(Cc.CSS_NVM), checked("Property Set CC", result -> {}));
    pollReady();
  }

  private void pollReady() {
    if (admin.closed()) {
      return;
    }
    admin.propertyGet(
        ControllerProperty.CSTS,
        false,
        checked(
            "Property Get CSTS",
            csts -> {
              if (Csts.cfs((int) csts)) {
                admin.close("controller fatal status");
              } else if (Csts.rdy((int) csts)) {
                identify();
              } else if (reactor.nowNs() >= readyDeadlineNs) {
                admin.close("the controller did not become ready in time");
              } else {
                reactor.schedule(readyPoll, READY_POLL_NS);
              }
            }));
  }

  private void identify() {
    pending = 4;
    admin.identify(
        IdentifyCommand.CNS_CONTROLLER,
        IdentifyCommand.CSI_NVM,
        0,
        read -> {
          if (read == 0) {
            admin.close("Identify Controller failed");
          } else {
            data = ControllerData.read(read);
            eventsThenLimits(data);
          }
        });
    int wanted = BdevLayer.MAX_REACTORS;
    admin.setFeature(
        FeaturesCommand.NUMBER_OF_QUEUES,
        NumberOfQueues.of(wanted, wanted),
        checked(
            "Set Features Number of Queues",
            result -> {
              ioQueues = Math.min(wanted, NumberOfQueues.submissionQueues((int) result));
              part();
            }));
    new NamespaceScan(
            admin,
            subnqn,
            found -> {
              namespaces = found;
              part();
            })
        .start();
  }

  private void eventsThenLimits(ControllerData identified) {
    int events =
        identified.oaes()
            & (IdentifyController.OAES_NAMESPACE_ATTRIBUTE | IdentifyController.OAES_ANA_CHANGE);
    admin.setFeature(
        FeaturesCommand.ASYNC_EVENT_CONFIGURATION,
        events == 0 ? AsyncEvent.CONFIG_NAMESPACE_ATTRIBUTE : events,
        (status, result) -> part()); // a controller may do without
    admin.identify(
        IdentifyCommand.CNS_CONTROLLER_COMMAND_SET,
        IdentifyCommand.CSI_NVM,
        0,
        read -> { // optional: without it there are no limits but those of the command
          if (read != 0) {
            mostUnmapBlocks = IdentifyNvmController.dmrsl(read);
            int shift = IdentifyNvmController.wzsl(read);
            mostWriteZeroesBytes = shift == 0 || shift > 31 ? 0 : 4096L << shift;
          }
          part();
        });
  }

  private void part() {
    ControllerData identified = data;
    NamespaceScan.Found found = namespaces;
    if (--pending == 0 && identified != null && found != null && !admin.closed()) {
      done.ready(
          new Result(
              identified, queueDepth, ioQueues, mostUnmapBlocks, mostWriteZeroesBytes, found));
    }
  }

  private interface Next {
    void go(long result);
  }

  private AdminQueue.Answer checked(String what, Next next) {
    return (status, result) -> {
      if (NvmeStatus.isSuccess(status)) {
        next.go(result);
      } else {
        admin.close(what + " failed: " + NvmeStatus.describe(status));
      }
    };
  }
}
