package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.raid.RaidSuperblock.Member;
import io.diskengine.engine.raid.RaidSuperblock.MemberState;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Makes a change of membership true everywhere, in the order that law 8 asks for, one round at a
 * time:
 *
 * <ol>
 *   <li>every reactor stops using the legs that leave, and trusts nobody less than before;
 *   <li>the superblocks of all that stay are written durably;
 *   <li>every reactor learns which legs the superblocks call in sync now: writes that waited for
 *       this are acknowledged, or fail when it could not be done.
 * </ol>
 *
 * A leg that cannot take its superblock leaves in the next round, unless no in-sync leg could take
 * it: then nobody is called failed, the writes that waited fail, and the next write tries again.
 * Home reactor.
 */
final class Settling {
  private final Raid raid;
  private final long[] tickets = new long[BdevLayer.MAX_REACTORS];
  private List<Runnable> after = new ArrayList<>();
  private boolean busy;
  private boolean again;

  /** The next round takes over the size that the legs allow now. */
  private boolean resize;

  /** Slots that a superblock on some leg may call in sync. */
  private int trusted;

  /** The last superblock did not reach all legs it was for. */
  private boolean unsaved;

  Settling(Raid raid) {
    this.raid = raid;
  }

  void begin(int inSync) {
    trusted = inSync;
  }

  boolean busy() {
    return busy;
  }

  /** Runs the body when the next round that starts has ended. */
  void after(Runnable body) {
    after.add(body);
  }

  void writeWaits(int reactor, long ticket) {
    tickets[reactor] = ticket;
  }

  void resize() {
    resize = true;
    settle();
  }

  void settle() {
    RaidBdev bdev = raid.bdev;
    if (busy) {
      again = true;
    } else if (bdev != null) {
      busy = true;
      new Round(bdev).start();
    }
  }

  /** One round, with what it decided at its start. */
  private final class Round {
    private final RaidBdev bdev;
    private final long[] dueTickets = tickets.clone();
    private final List<Runnable> afterRound = after;
    private final List<Leg> leaving = raid.legs(leg -> leg.role == Leg.Role.LEAVING);
    private final List<Leg> promoted = raid.legs(leg -> leg.promoting);
    private final int inSync;
    private final boolean resizing = resize;
    private final Geometry geometry;
    private final @Nullable RaidSuperblock next;

    Round(RaidBdev bdev) {
      this.bdev = bdev;
      again = false;
      after = new ArrayList<>();
      resize = false;
      geometry =
          resizing
              ? raid.possibleGeometry(bdev)
              : new Geometry(
                  bdev.numBlocks(),
                  raid.slots().stream().map(slot -> slot.dataSizeBlocks).toList());
      inSync = mask(raid.inSync()) | mask(promoted);
      next = nextSuperblock();
    }

    void start() {
      trusted |= inSync;
      publish(raid.membership(trusted), new long[dueTickets.length], this::leave);
    }

    private void leave() {
      WriteIntent intent = raid.intent;
      if (intent != null) {
        leaving.forEach(intent::legLeft);
      }
      leaving.forEach(Leg::detach);
      if (next == null) {
        settled();
        return;
      }
      raid.superblock = next;
      List<Leg> stayed = raid.legs(leg -> leg.active() && !leaving.contains(leg));
      if (intent == null) {
        SuperblockIo.write(next.encode(), stayed, failed -> saved(stayed, failed));
      } else {
        saveWithMap(next, intent, stayed);
      }
    }

    /** Map, superblock, header: between the last two the map is void. */
    private void saveWithMap(RaidSuperblock superblock, WriteIntent intent, List<Leg> stayed) {
      if (resizing) {
        intent.resized(geometry.numBlocks());
      }
      List<Leg> without = new ArrayList<>(resizing ? stayed : promoted);
      without.retainAll(stayed);
      List<Leg> failures = new ArrayList<>();
      List<Leg> rest = new ArrayList<>(stayed);
      Consumer<List<Leg>> except =
          failed -> {
            failures.addAll(failed);
            rest.removeAll(failed);
          };
      intent.writeMap(
          without,
          mapFailed -> {
            except.accept(mapFailed);
            SuperblockIo.write(
                superblock.encode(),
                rest,
                failed -> {
                  except.accept(failed);
                  intent.writeHeader(
                      superblock.sequence(),
                      List.copyOf(rest),
                      headerFailed -> {
                        except.accept(headerFailed);
                        saved(stayed, failures);
                      });
                });
          });
    }

    private void saved(List<Leg> written, List<Leg> failed) {
      boolean complete = (mask(written) & ~mask(failed) & inSync) == inSync;
      unsaved = !complete;
      if (complete) {
        raid.dropFailed(failed);
        again |= !failed.isEmpty();
        settled();
      } else if ((mask(written) & ~mask(failed) & inSync) != 0) {
        raid.dropFailed(failed);
        Round repeated = new Round(bdev);
        repeated.afterRound.addAll(0, afterRound);
        repeated.start();
      } else {
        publish(raid.membership(trusted), dueTickets, () -> ended(BdevException.EIO));
      }
    }

    private void settled() {
      for (Leg leg : promoted) {
        if (leg.role == Leg.Role.TARGET) {
          leg.role = Leg.Role.IN_SYNC;
          leg.promoting = false;
          if (raid.intent != null) {
            raid.intent.legPromoted(leg);
          }
        }
      }
      trusted = inSync;
      resize();
      publish(raid.membership(trusted), dueTickets, () -> ended(0));
    }

    private void resize() {
      if (resizing && bdev.ready()) {
        raid.slots().forEach(slot -> slot.dataSizeBlocks = geometry.dataBlocks().get(slot.index));
        raid.layer().resize(bdev, geometry.numBlocks());
      }
    }

    private void ended(int errno) {
      leaving.forEach(leg -> raid.left(leg, errno));
      busy = false;
      afterRound.forEach(Runnable::run);
      if (again || !after.isEmpty()) {
        settle();
      }
      raid.checkQuiet();
    }

    private void publish(Membership membership, long[] upTo, Runnable done) {
      bdev.publish(membership);
      raid.layer()
          .forEachChannel(
              bdev,
              (channel, stepped) -> {
                if (channel != null) {
                  ((RaidChannel) channel.driver())
                      .apply(membership, upTo[channel.reactor().index()]);
                }
                stepped.run();
              },
              done);
    }

    /** The superblock that says what will hold, or null when the present one says it. */
    private @Nullable RaidSuperblock nextSuperblock() {
      RaidSuperblock now = raid.superblock;
      if (now == null) {
        return null;
      }
      List<Member> members = new ArrayList<>();
      for (Member member : now.members()) {
        members.add(nextMember(member));
      }
      return !unsaved && members.equals(now.members()) && geometry.numBlocks() == now.sizeBlocks()
          ? null
          : now.with(now.sequence() + 1, geometry.numBlocks(), members);
    }

    private Member nextMember(Member member) {
      Slot slot = raid.slots().get(member.slot());
      Leg leg = slot.leg;
      Member sized =
          new Member(
              member.uuid(),
              member.dataOffsetBlocks(),
              resizing ? geometry.dataBlocks().get(member.slot()) : member.dataSizeBlocks(),
              member.state(),
              member.slot());
      if (leg == null) {
        return sized;
      }
      if (leaving.contains(leg) && member.state() == MemberState.CONFIGURED) {
        return sized.with(leg.failed ? MemberState.FAILED : MemberState.MISSING);
      }
      return promoted.contains(leg) && slot.uuid != null
          ? new Member(
              slot.uuid,
              leg.dataOffsetBlocks,
              sized.dataSizeBlocks(),
              MemberState.CONFIGURED,
              member.slot())
          : sized;
    }
  }

  private static int mask(List<Leg> legs) {
    int mask = 0;
    for (Leg leg : legs) {
      mask |= leg.bit();
    }
    return mask;
  }
}
